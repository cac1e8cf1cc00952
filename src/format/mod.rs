//! Text ⇄ model.
