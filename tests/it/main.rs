//! The integration tests: the real programs, real HTTP, real files.

#![cfg(test)]

mod support;

mod api;
mod boot;
mod both_ways;
mod browser;
mod cli;
mod clients;
mod cloud_init;
mod configure;
mod crash;
mod detect;
mod detect_reference;
mod environment;
mod examples;
mod fleet;
mod golden_plans;
mod happenings;
mod happenings_terminal;
mod health;
mod holder;
mod hostile_http;
mod hwraid;
mod install;
mod layering;
mod legacy;
mod library;
mod logs;
mod loop_devices;
mod metrics;
mod oauth;
mod openapi;
mod pages;
mod planner;
mod plans;
mod port;
mod producers;
mod pxemngr;
mod rack;
mod real_disk;
mod reference;
mod reports_kept;
mod role_build;
mod role_verify;
mod roles;
mod scripts;
mod settings;
mod settings_example;
mod stop;
mod sync;
mod upload;
mod webhooks;
