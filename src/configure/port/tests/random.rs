//! Texts put together at random: no panic, nothing changed twice, and nothing of Starlark changed.

use proptest::prelude::*;

use crate::configure::port::port;

/// Parts of scripts, right and wrong, to be put together at random.
const PARTS: [&str; 60] = [
    "print",
    "print ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ";",
    "\n",
    "\n    ",
    "\n\t",
    "\n  ",
    "a",
    "b",
    "'c'",
    "u\"d\"",
    "'''",
    "\"",
    "\\",
    "#",
    "x ",
    "=",
    "==",
    "<>",
    "`",
    "0644",
    "10L",
    "+",
    "%",
    ".",
    " is ",
    " is not ",
    " None",
    " in ",
    " not ",
    "try:",
    "except:",
    "except X, e:",
    "finally:",
    "else:",
    "while a:",
    "for a in b:",
    "if a:",
    "def f(a):",
    "return",
    "break",
    "raise ",
    "with open(a) as f:",
    "import os\n",
    "os.system(",
    "Popen(",
    ".has_key(",
    "\u{e9}",
    "\r\n",
    "/",
    "**",
    "*",
];

proptest! {
    #[test]
    fn any_text_is_ported_without_a_panic_and_once(
        parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..40),
    ) {
        let text: String = parts.concat();
        let once = port("x.configure", &text);
        let twice = port("x.configure", &once.text);
        prop_assert_eq!(&twice.text, &once.text, "{:?}", text);
    }

    #[test]
    fn arbitrary_text_gives_no_panic(text in "\\PC{0,80}") {
        let once = port("x.configure", &text);
        prop_assert_eq!(port("x.configure", &once.text).text, once.text);
    }

    #[test]
    fn a_text_of_starlark_stays_as_it_is(
        parts in prop::collection::vec(prop::sample::select(&STARLARK[..]), 0..20),
    ) {
        let text: String = parts.concat();
        let result = port("x.configure", &text);
        prop_assert_eq!(&result.text, &text);
        prop_assert!(result.left.is_empty(), "{:?}", result.left);
    }
}

/// Lines of Starlark.
const STARLARK: [&str; 14] = [
    "x = 1\n",
    "# a comment\twith a tab\n",
    "\n",
    "   \t\n",
    "run('a %s' % var['disk'])\n",
    "print('a')\nprint ('b')\n",
    "for x in (1, 2):\n    run(['a', str(x)])\n",
    "def f(x, y=0o644):\n    '''Gives\n\tx.'''\n    return x / 2\n",
    "text = '''\n print x\n\t0644 <> `a`\n'''\n",
    "_, error = attempt(run, 'x')\nif error != None:\n    print(error)\n",
    "y = {'a': [b for b in range(3) if b != 2]}\n",
    "z = output('a | b', plan='c').split()\n",
    "config('/a', fmod=0o600).write('%(disk)s\\n' % var)\n",
    "s = r'a\\d' + \"\\u00e9\\x41\"\n",
];
