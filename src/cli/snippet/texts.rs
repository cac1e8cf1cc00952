//! The lines themselves. `@NAME@` stands for what is put in.

/// A report with curl.
pub(super) const CURL: &str = "curl -sS -m 10 -o /dev/null -H 'Content-Type: application/json' @HEADER@-d \"$body\" \
     '@SERVER@/api/v1/events' || true";

/// A report with wget, also busybox's. Without `-T`: the busybox of Debian 12 and older, which debian-installer has
/// too, was built without time-outs and dies of it (github.com/mirror/busybox issue 124), and GNU's tries twenty times.
pub(super) const WGET: &str = "\
wget -q -O /dev/null --header='Content-Type: application/json' @HEADER@--post-data=\"$body\" '@SERVER@/api/v1/events' &
    seconds=0
    while kill -0 $! 2>/dev/null && [ $seconds -lt 10 ]; do sleep 1; seconds=$((seconds + 1)); done
    kill $! 2>/dev/null || true";

/// How a header is given to the command of a call.
pub(super) fn header_option(call: &str) -> &'static str {
    if call.starts_with("curl") {
        "-H "
    } else {
        "--header="
    }
}

/// A function for scripts, in the words of `edeploy report`.
pub(super) const FUNCTION: &str = r#"# edeploy_report STEP start|finish|failed [WORDS] tells the server how far this machine is.
# The outermost step, as `install`, is the whole: its finish ends the job. Steps inside it are `install/NAME`.
edeploy_report() {
    edeploy_machine=@MACHINE@
    case "$2" in
        start) what='"event_type":"start"' ;;
        failed) what='"event_type":"finish","result":"FAIL"' ;;
        *) what='"event_type":"finish","result":"SUCCESS"' ;;
    esac
    words=$(printf '%s' "$3" | tr '\001-\037' ' ' | sed 's/[\\"]/\\&/g')
    body="{\"machine\":\"$edeploy_machine\",\"origin\":\"script\",\"name\":\"$1\",$what,\"description\":\"$words\"}"
    @CALL@
}
"#;

/// Sections of a kickstart. Each of them is a script of its own.
pub(super) const KICKSTART: &str = r"%pre
@FUNCTION@
edeploy_report install start 'Anaconda has started'
%end

%post
@FUNCTION@
edeploy_report install finish 'Anaconda is done'
%end

%onerror
@FUNCTION@
edeploy_report install failed 'Anaconda failed: see its console'
%end
";

/// Lines of a preseed; see [`WGET`].
pub(super) const PRESEED: &str = "\
d-i preseed/early_command string @START@
d-i preseed/late_command string @FINISH@
";

/// One command of a preseed.
pub(super) const PRESEED_COMMAND: &str = "\
wget -q -O /dev/null --header='Content-Type: application/json' @HEADER@--post-data=@BODY@ '@SERVER@/api/v1/events' & \
seconds=0; while kill -0 $! 2>/dev/null && [ $seconds -lt 10 ]; do sleep 1; seconds=$((seconds + 1)); done; \
kill $! 2>/dev/null || true";

/// A part of an autoinstall.
pub(super) const AUTOINSTALL: &str = "\
autoinstall:
  reporting:
    edeploy:
      type: webhook
      endpoint: \"@SERVER@/api/v1/events@MACHINE@\"@CREDENTIALS@
";
