use insta::assert_snapshot;

use super::decision::{Known, Rules, decide};
use super::*;
use crate::model::{Deployments, MachineId};

fn section(name: &str) -> SectionName {
    SectionName::new(name).unwrap()
}

fn machine() -> MachineId {
    serde_json::from_value("QEMU-CZ1-".into()).unwrap()
}

/// What the default section knows of a machine with so many deployments begun.
fn known(begun: u32) -> Known {
    let mut deployments = Deployments::default();
    for _ in 0..begun {
        deployments = deployments.with_another_begun(None);
    }
    stands(deployments)
}

fn stands(deployments: Deployments) -> Known {
    Known {
        section: SectionName::default_section(),
        held: Some((machine(), deployments)),
        refusal: None,
    }
}

fn refused(text: Option<&str>) -> Known {
    Known {
        section: SectionName::default_section(),
        held: None,
        refusal: text.map(str::to_owned),
    }
}

fn rules() -> Rules {
    Rules {
        attempts: 3,
        missing: None,
        section: None,
    }
}

fn held(decision: &Decision) -> String {
    match decision {
        Decision::Hold(hold) => hold.text(),
        other => panic!("not held: {other:?}"),
    }
}

fn installs(known: &[Known]) -> bool {
    matches!(decide(known, &rules()), Decision::Install { .. })
}

#[test]
fn a_machine_that_nobody_knows_installs() {
    assert_eq!(decide(&[], &rules()), Decision::Install { section: None });
}

#[test]
fn so_many_deployments_may_begin_and_no_more() {
    assert!(installs(&[known(0)]) && installs(&[known(1)]) && installs(&[known(2)]));
    let text = held(&decide(&[known(3)], &rules()));
    assert!(
        text.starts_with("Its installation was begun 3 times"),
        "{text}"
    );
    assert!(text.contains("edeployctl reinstall QEMU-CZ1-"), "{text}");
    let failed = stands(known(3).held.unwrap().1.with_latest_failed());
    let text = held(&decide(&[failed], &rules()));
    assert!(
        text.contains("the last time it said that it failed"),
        "{text}"
    );
    let once = Rules {
        attempts: 1,
        ..rules()
    };
    assert!(held(&decide(&[known(1)], &once)).contains("begun once,"));
}

#[test]
fn an_installed_machine_boots_from_its_disk_whatever_else_is_known() {
    let installed = stands(Deployments::installed());
    let elsewhere = Known {
        section: section("rack"),
        ..known(1)
    };
    let no_file = Rules {
        missing: Some(("vmlinuz", "/srv/boot".into())),
        ..rules()
    };
    for known in [
        vec![installed.clone()],
        vec![refused(Some("no")), installed.clone()],
        vec![elsewhere, installed],
    ] {
        let decision = decide(&known, &no_file);
        assert_eq!(decision, Decision::LocalBoot { machine: machine() });
    }
}

#[test]
fn a_refused_machine_is_held_until_it_would_be_refused_no_more() {
    let text = held(&decide(&[refused(Some("no profile"))], &rules()));
    assert_eq!(text, "The server has nothing for it: no profile");
    assert!(installs(&[refused(None)]));
    let with_place = Known {
        refusal: Some("vm is broken".to_owned()),
        ..known(1)
    };
    assert!(held(&decide(&[with_place], &rules())).contains("vm is broken"));
}

#[test]
fn a_machine_is_sent_to_the_section_that_knows_it() {
    let of = |known: &[Known], asked: Option<&str>| {
        let rules = Rules {
            section: asked.map(section),
            ..rules()
        };
        match decide(known, &rules) {
            Decision::Install { section } => section.map(|section| section.to_string()),
            other => panic!("{other:?}"),
        }
    };
    let rack = Known {
        section: section("rack"),
        ..known(1)
    };
    assert_eq!(of(&[refused(None), rack], None).as_deref(), Some("rack"));
    assert_eq!(of(&[refused(None)], None).as_deref(), Some("SERVER"));
    assert_eq!(of(&[], Some("rack")).as_deref(), Some("rack"));
}

#[test]
fn without_a_kernel_nobody_is_sent_to_install() {
    let rules = Rules {
        missing: Some(("vmlinuz", "/srv/boot".into())),
        ..rules()
    };
    let text = held(&decide(&[], &rules));
    assert_eq!(
        text,
        "The server has no /boot/vmlinuz: put what packaging/ramdisk makes into /srv/boot"
    );
}

fn with_scene<T>(show: impl FnOnce(&Scene<'_>) -> T) -> T {
    let address = Address::parse("10.0.0.1:8080").unwrap();
    show(&Scene {
        address: &address,
        section: None,
        arguments: "ONFAILURE=console | console=ttyS0 |",
    })
}

fn install() -> Decision {
    let section = Some(section("rack"));
    Decision::Install { section }
}

fn local_boot() -> Decision {
    let machine = machine();
    Decision::LocalBoot { machine }
}

fn hostile() -> Decision {
    let text = "no profile (x\n${net0/mac} -n || reboot; && # \u{1b}[2J `é`)\n  vm: does not match";
    Decision::Hold(Hold::Refused(text.to_owned()))
}

#[test]
fn ipxe_is_told_in_its_own_words() {
    let section = section("rack 2/&${x}".replace('/', "_").as_str());
    let address = Address::parse("h").unwrap();
    let scene = Scene {
        address: &address,
        section: Some(&section),
        arguments: "",
    };
    assert_snapshot!(ipxe::introduction(&scene), @r#"
    #!ipxe
    goto ask
    :again
    echo edeploy: no answer, asking again
    sleep 10
    :ask
    chain --replace http://h/boot.ipxe?section=rack%202%5F%26%24%7Bx%7D&uuid=${uuid}&serial=${serial:uristring}&mac=${mac} || goto again
    "#);
    assert_snapshot!(with_scene(|scene| ipxe::script(&install(), scene)), @r#"
    #!ipxe
    echo edeploy: this machine is going to be installed
    kernel http://10.0.0.1:8080/boot/vmlinuz initrd=ramdisk BOOTIF=01-${mac:hexhyp} SERV=10.0.0.1 HTTP_PORT=8080 SECTION=rack ONFAILURE=console | console=ttyS0 | || goto again
    initrd --name ramdisk http://10.0.0.1:8080/boot/ramdisk || goto again
    boot || goto again
    :again
    echo edeploy: the ramdisk did not come, asking again
    imgfree ||
    sleep 10
    chain --replace http://10.0.0.1:8080/boot.ipxe?uuid=${uuid}&serial=${serial:uristring}&mac=${mac} || goto again
    "#);
    assert_snapshot!(with_scene(|scene| ipxe::script(&local_boot(), scene)), @r#"
    #!ipxe
    echo edeploy: this machine is installed, it boots from its disk
    iseq ${platform} efi && exit 1 ||
    exit
    "#);
    assert_snapshot!(with_scene(|scene| ipxe::script(&hostile(), scene)), @r#"
    #!ipxe
    echo
    echo edeploy: this machine is held, nothing is changed on it.
    echo The server has nothing for it: no profile (x
    echo ??net0/mac? _n ?? reboot? ?? ? ?[2J '?')
    echo vm: does not match
    echo It asks again every 60 seconds.
    :again
    sleep 60
    chain --replace http://10.0.0.1:8080/boot.ipxe?uuid=${uuid}&serial=${serial:uristring}&mac=${mac} || goto again
    "#);
}

#[test]
fn pxelinux_is_told_in_its_own_words() {
    let shown = |decision: &Decision| {
        with_scene(|scene| pxelinux::configuration(decision, scene, "pxelinux.cfg/default"))
    };
    assert_snapshot!(shown(&install()), @r#"
    SAY edeploy: this machine is going to be installed
    DEFAULT install
    PROMPT 0
    TIMEOUT 100
    ONTIMEOUT again
    LABEL install
    KERNEL http://10.0.0.1:8080/boot/vmlinuz
    INITRD http://10.0.0.1:8080/boot/ramdisk
    APPEND SERV=10.0.0.1 HTTP_PORT=8080 SECTION=rack ONFAILURE=console | console=ttyS0 |
    SYSAPPEND 2
    LABEL again
    CONFIG http://10.0.0.1:8080/pxelinux.cfg/default
    "#);
    assert_snapshot!(shown(&local_boot()), @r#"
    SAY edeploy: this machine is installed, it boots from its disk
    DEFAULT disk
    PROMPT 0
    LABEL disk
    LOCALBOOT 0
    "#);
    assert_snapshot!(shown(&hostile()), @r#"
    SAY edeploy: this machine is held, nothing is changed on it.
    SAY The server has nothing for it: no profile (x
    SAY ??net0/mac? _n ?? reboot? ?? ? ?[2J '?')
    SAY vm: does not match
    SAY It asks again every 60 seconds.
    DEFAULT again
    PROMPT 1
    TIMEOUT 600
    TOTALTIMEOUT 600
    LABEL again
    CONFIG http://10.0.0.1:8080/pxelinux.cfg/default
    "#);
}

#[test]
fn the_screen_shows_a_few_short_lines_of_plain_ascii() {
    let long = format!("{}\n{}", "word ".repeat(100), "x".repeat(1000));
    let lines = screen::lines(&long, 12);
    assert_eq!(lines.len(), 12);
    assert!(lines.iter().all(|line| line.len() <= 76), "{lines:?}");
    assert_eq!(lines[11], "...");
    assert_eq!(screen::lines("a\n\n  b  c", 12), ["a", "b c"]);
    for c in [
        '$', '|', '&', ';', '#', '\\', '{', '\0', '\r', '\u{202e}', 'é',
    ] {
        let shown = screen::lines(&format!("a{c}b"), 3).join(" ");
        assert!(!shown.contains(c) && shown.is_ascii(), "{c:?}: {shown:?}");
    }
    assert_eq!(screen::lines("-n --help", 3), ["_n _-help"]);
}

#[test]
fn the_query_tells_who_asks() {
    let query = "uuid=4C4C4544-0039-4B10-8039-B9C04F503032&serial=CZ%31&mac=52%3A54%3A00%3A12%3A34%3A56&x=${y}";
    let (told, is_introduced) = Told::from_query(query);
    assert!(is_introduced && told.section.is_none());
    let identity = told.identity();
    assert_eq!(
        identity.uuid.as_deref(),
        Some("4c4c4544-0039-4b10-8039-b9c04f503032")
    );
    assert_eq!(identity.serial.as_deref(), Some("CZ1"));
    assert!(identity.macs.contains("52:54:00:12:34:56"));
    let (told, is_introduced) = Told::from_query("section=rack&product=x");
    assert!(!is_introduced && told.section.as_deref() == Some("rack"));
    let (told, is_introduced) = Told::from_query("uuid=&serial=To+be+filled+by+O.E.M.&mac=%00%ff");
    assert!(is_introduced && told.identity().is_weak());
}

#[test]
fn pxelinux_tells_who_it_is_by_its_cookie_and_by_names() {
    let cookie = "_Syslinux_BOOTIF=01-52-54-00-12-34-56;_Syslinux_SYSUUID=11111111-2222-3333-4444-555555555555; \
                  _Syslinux_SYSSERIAL=CZ+1;x";
    let (told, named) = Told::from_pxelinux("default", cookie);
    assert_eq!(named, Named::Default);
    let identity = told.identity();
    assert!(told.has_mac() && identity.serial.as_deref() == Some("CZ 1"));
    assert!(identity.uuid.is_some());
    let named = |name: &str| Told::from_pxelinux(name, "").1;
    assert_eq!(named("11111111-2222-3333-4444-555555555555"), Named::Uuid);
    assert_eq!(named("01-52-54-00-12-34-56"), Named::Mac);
    for other in [
        "0A00020F",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "20-52-54-00-12-34-56",
        "52-54-00-12-34-56",
        "01-..",
        "",
    ] {
        assert_eq!(named(other), Named::Other, "{other}");
    }
}
