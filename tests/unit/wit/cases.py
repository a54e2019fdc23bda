"""WIT packages that cover the grammar and the rules of worlds: name -> root package, then dependencies."""

from __future__ import annotations

LIB = """
package ns:lib@1.0.0;
interface types {
  resource r { constructor(a: u8); get: func() -> string; make: static func() -> r; }
  record rec { x: u32, y: own<r> }
  record outer { i: rec, many: list<rec> }
}
interface api { use types.{r, rec as record-type}; make: func() -> r; show: func(x: record-type); }
interface handler { use types.{r}; handle: func(x: borrow<r>) -> result<_, string>; }
interface chain { use api.{record-type}; type again = record-type; f: func(x: again); }
world provider { import types; export api; }
world plain { import f: func(); export g: func() -> string; use types.{outer}; import h: func(x: outer); }
"""

VALID: dict[str, tuple[str, ...]] = {
    "every type": (
        """
        package a:b;
        interface all {
          type t1 = tuple<u8, u16, u32, u64, s8, s16, s32, s64, f32, f64, char, bool, string>;
          type t2 = list<option<result<t1, string>>>;
          type t3 = result; type t4 = result<u8>; type t5 = result<_, u8>;
          type t7 = t2;
          variant v { none, some(t2), other(list<e>) }
          enum e { a, b-2, C }
          flags f { x, y, z }
          record rec { v: v, e: e, f: f }
          resource r; resource s { m: func(other: borrow<s>) -> option<r>; n: static func(x: r); }
          resource t { constructor(x: u8) -> result<t, e>; }
          type q = r; type own-r = own<r>;
          f1: func(a: rec, b: q, c: borrow<q>, d: own-r) -> t7;
          %type: func(%record: u8) -> u8;
          float32: func() -> tuple<t3, t4, t5>;
        }
        world w { import all; export all; }
        """,
    ),
    "async": (
        """
        package a:b;
        interface i {
          resource r { m: async func() -> u8; s: static async func(); }
          f: async func(a: stream<u8>, b: future<list<string>>) -> stream;
          g: func() -> future;
        }
        world w { import i; export f: async func(x: u8) -> string; }
        """,
    ),
    "names before they are defined": (
        """
        package a:b;
        world w { import j; export i; }
        interface i { use j.{c}; f: func(x: a) -> c; record a { x: b } type b = list<c>; }
        interface j { g: func() -> c; type c = d; enum d { x } }
        """,
    ),
    "transitive imports": (
        "package a:b; world w { import ns:lib/chain@1.0.0; export ns:lib/handler@1.0.0; }",
        LIB,
    ),
    "what exports use is exported where the world says so": (
        "package a:b; world w { import ns:lib/types@1.0.0; export ns:lib/api@1.0.0; export ns:lib/types@1.0.0; }",
        LIB,
    ),
    "what exports use is imported else": ("package a:b; world w { export ns:lib/api@1.0.0; }", LIB),
    "types of a world": (
        """
        package a:b;
        world w {
          use ns:lib/types@1.0.0.{r, outer as o};
          record mine { o: o }
          resource res { constructor(); m: func(x: mine); }
          type again = mine;
          import f: func(x: again) -> r;
          export g: func(x: borrow<res>, y: own<res>) -> mine;
        }
        """,
        LIB,
    ),
    "inline interfaces": (
        """
        package a:b;
        world w {
          import i: interface { use ns:lib/types@1.0.0.{r}; type t = u8; f: func(x: r) -> t; }
          export e: interface { use ns:lib/types@1.0.0.{r}; resource own-one; f: func(x: r) -> own-one; }
          export f: func();
          import f: func();
        }
        """,
        LIB,
    ),
    "labels": (
        """
        package a:b;
        interface store { resource bucket { get: func(k: string) -> option<string>; } open: func() -> bucket; }
        world w {
          import primary: store;
          @external-id("db") import secondary: store;
          import store;
          import lib: ns:lib/api@1.0.0;
          export mine: store;
          export ns:lib/types@1.0.0;
          export other: ns:lib/api@1.0.0;
        }
        """,
        LIB,
    ),
    "include": (
        """
        package a:b;
        world base { import f: func(); import g: func() -> u8; export h: func(); import i; export i; }
        world other { import g: func(x: u8); include base with { g as g2, h as h2 } export h: func() -> u8; }
        interface i { f: func(); }
        world twice { include base; include other with { f as f3, g as g3, g2 as g4, h as h3, h2 as h4 } }
        """,
    ),
    "include of another package": (
        """
        package a:b;
        world w { include ns:lib/provider@1.0.0; include ns:lib/plain@1.0.0 with { outer as o } export ns:lib/types@1.0.0; }
        """,
        LIB,
    ),
    "include makes types of a world anew and renames them with their functions": (
        """
        package a:b;
        world a { resource r { constructor(); m: func(); n: static func(); } import f: func(x: r) -> option<r>;
                  export g: func(x: r); }
        world b { include a with { r as s, f as ff } include c; }
        world c { resource t; import h: func(x: t); }
        """,
    ),
    "top-level use": (
        """
        package a:b;
        use ns:lib/types@1.0.0; use ns:lib/api@1.0.0 as lib-api; use mine as renamed;
        interface mine { type t = u8; f: func(); }
        interface i { use types.{r}; use renamed.{t}; f: func(x: r, y: t); }
        world w { import lib-api; import i; export renamed; }
        """,
        LIB,
    ),
    "nested packages": (
        """
        package a:b;
        package c:d@0.1.0 { interface i { type t = u8; f: func(); } world v { import i; } }
        package c:d@0.2.0 { interface i { type t = u16; f: func(); } use i as j; world v { import j; } }
        interface both { use c:d/i@0.1.0.{t}; use c:d/i@0.2.0.{t as t2}; f: func(x: t, y: t2); }
        world w { import both; include c:d/v@0.1.0; }
        """,
    ),
    "gates": (
        """
        package a:b@1.1.0;
        interface i {
          f: func();
          @since(version = 1.1.0) g: func();
          @unstable(feature = off) h: func();
          @unstable(feature = off) use j.{t};
          @unstable(feature = off) resource r { @unstable(feature = off) constructor(); }
          resource s { @unstable(feature = off) m: func(); n: func(); }
          @since(version = 1.0.0) @deprecated(version = 1.1.0) k: func();
        }
        @unstable(feature = off) interface j { @unstable(feature = off) type t = u8; }
        world w { import i; @unstable(feature = off) import j; @unstable(feature = off) import x: func();
                  @unstable(feature = off) include v; }
        world v { import y: func(); }
        """,
    ),
    "export and import of one name": (
        "package a:b; interface i { f: func(); } world w { import f: func(); export f: func(); import i; export i; }",
    ),
    "an empty use": ("package a:b; interface i { use j.{}; f: func(); } interface j { g: func(); } world w { import i; }",),
    "empty worlds and interfaces": ("package a:b; interface i {} world v {} world w { include v; }",),
}  # fmt: skip

# What wasm-tools has no dummies for, or does not print: compared with the binary package only.
ONLY_PACKAGES: dict[str, tuple[str, ...]] = {
    "lists of fixed length, maps, error-context": (
        """
        package a:b;
        interface i { f: func(a: list<u8, 4>, b: map<string, list<u8>>) -> option<error-context>; }
        world w { import i; export i; }
        """,
    ),
}

INVALID: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "unknown type": ("WitNameError", "1:39: there is no type 'rcd' in interface 'i' | did you mean 'rec'?",
        ("package a:b; interface i { f: func(x: rcd); record rec { a: u8 } }",)),
    "old float": ("WitNameError", "there is no type 'float32' | the type is 'f32' now",
        ("package a:b; interface i { f: func(x: float32); }",)),
    "function as type": ("WitNameError", "'f' is a function, not a type",
        ("package a:b; interface i { f: func(x: f); }",)),
    "use of a function": ("WitNameError", "'f' of 'a:b/j' is a function",
        ("package a:b; interface i { use j.{f}; } interface j { f: func(); }",)),
    "use of an unknown type": ("WitNameError", "'a:b/j' has no type 'tipe' | did you mean 'type-a'?",
        ("package a:b; interface i { use j.{tipe}; } interface j { type type-a = u8; }",)),
    "unknown interface": ("WitNameError", "there is no interface 'typs' in package 'a:b' | did you mean 'types'?",
        ("package a:b; world w { import typs; } interface types {}",)),
    "unknown interface elsewhere": ("WitNameError", "there is no interface 'typs' in package 'ns:lib@1.0.0' | did you mean 'types'?",
        ("package a:b; world w { import ns:lib/typs@1.0.0; }", LIB)),
    "unknown world behind a gate": ("WitNameError", "there is no world 'v' in package 'a:b'",
        ("package a:b; world w { @unstable(feature = x) include v; }",)),
    "unknown interface in an empty use": ("WitNameError", "there is no interface 'i' in package 'a:b'",
        ("package a:b; world w { use i.{}; }",)),
    "unknown package behind a gate": ("MissingPackage", "package 'c:d' is not there",
        ("package a:b; world w { @unstable(feature = x) import c:d/e; }",)),
    "unknown world": ("WitNameError", "there is no world 'v' in package 'a:b'",
        ("package a:b; world w { include v; }",)),
    "unknown package": ("MissingPackage", "package 'ns:libs@1.0.0' is not there | did you mean 'ns:lib@1.0.0'?",
        ("package a:b; world w { import ns:libs/types@1.0.0; }", LIB)),
    "unknown version": ("MissingPackage", "package 'ns:lib@2.0.0' is not there | there is 'ns:lib@1.0.0'; a version must be named exactly",
        ("package a:b; world w { import ns:lib/types@2.0.0; }", LIB)),
    "no version": ("MissingPackage", "package 'ns:lib' is not there | there is 'ns:lib@1.0.0'",
        ("package a:b; world w { import ns:lib/types; }", LIB)),
    "top-level use of nothing": ("WitNameError", "there is no interface or world 'x' in package 'ns:lib@1.0.0'",
        ("package a:b; use ns:lib/x@1.0.0;", LIB)),
    "top-level use of a world": ("WitNameError", "'plain' is a world, not an interface",
        ("package a:b; use ns:lib/plain@1.0.0;", LIB)),
    "world as interface": ("WitNameError", "'v' is a world, not an interface | 'include'",
        ("package a:b; world w { import v; } world v {}",)),
    "world under a label": ("WitNameError", "'v' is a world, not an interface",
        ("package a:b; world w { import l: v; } world v {}",)),
    "interface as world": ("WitNameError", "'i' is an interface, not a world",
        ("package a:b; world w { include i; } interface i {}",)),
    "no package": ("InvalidWit", "nothing says which package w.wit is", ("interface i {}",)),
    "duplicate types": ("DuplicateName", "1:48: name 'T' is there already, in line 1",
        ("package a:b; interface i { type t = u8; record T { a: u8 } }",)),
    "duplicate functions": ("DuplicateName", "name 'f'",
        ("package a:b; interface i { f: func(); f: func(); }",)),
    "type and used type": ("DuplicateName", "name 't'",
        ("package a:b; interface i { use j.{t}; type t = u8; } interface j { type t = u8; }",)),
    "duplicate interfaces": ("DuplicateName", "name 'i'", ("package a:b; interface i {} interface i {}",)),
    "world and interface": ("DuplicateName", "name 'i'", ("package a:b; interface i {} world i {}",)),
    "alias and interface": ("DuplicateName", "name 'i'",
        ("package a:b; use j as i; interface i {} interface j {}",)),
    "package twice": ("DuplicateName", "package 'ns:lib@1.0.0' is defined twice", ("package a:b;", LIB, LIB)),
    "import twice": ("DuplicateName", "import 'i'",
        ("package a:b; interface i {} world w { import i; import i; }",)),
    "export twice": ("DuplicateName", "export 'i'",
        ("package a:b; interface i {} world w { export i; export i; }",)),
    "label twice": ("DuplicateName", "name 'A'",
        ("package a:b; world w { import a: func(); import A: interface {} }",)),
    "export label twice": ("DuplicateName", "export 'a'",
        ("package a:b; world w { export a: func(); export a: interface {} }",)),
    "type and import": ("DuplicateName", "name 't'",
        ("package a:b; world w { type t = u8; import t: func(); }",)),
    "include takes a name": ("DuplicateName", "import 'f' is there already | include … with { f as other-f }",
        ("package a:b; world w { import f: func(); include v; } world v { import f: func(); }",)),
    "include renames what is not there": ("WitNameError", "'a:b/v' has no import or export with the plain name 'g'",
        ("package a:b; world w { include v with { g as h } } world v { import f: func(); }",)),
    "include renames an interface": ("WitNameError", "has no import or export with the plain name 'i' | interfaces keep theirs",
        ("package a:b; world w { include v with { i as h } } world v { import i; } interface i {}",)),
    "method with the name of its resource": ("DuplicateName", "name 'R' is there already",
        ("package a:b; interface i { resource r { R: func(); } }",)),
    "two constructors": ("DuplicateName", "the 'constructor' is there already",
        ("package a:b; interface i { resource r { constructor(); constructor(a: u8); } }",)),
    "include renames a resource to the name of its function": ("DuplicateName", "import '[static]s.s' is there already",
        ("package a:b; world w { include v with { r as s } } world v { resource r { s: static func(); } }",)),
    "type needs itself": ("RecursiveWit", "1:33: type 'x' needs itself: x → y → x",
        ("package a:b; interface i { type x = y; record y { a: list<x> } }",)),
    "type needs itself after another": ("RecursiveWit", "type 'x' needs itself: x → z → x",
        ("package a:b; interface i { record x { a: y, b: z } record z { c: x } type y = u8; }",)),
    "type is itself": ("RecursiveWit", "type 'x' needs itself: x → x", ("package a:b; interface i { type x = x; }",)),
    "interfaces need each other": ("RecursiveWit", "interface 'a:b/i' needs itself: a:b/i → a:b/j → a:b/i",
        ("package a:b; interface i { use j.{t}; type u = u8; } interface j { use i.{u}; type t = u8; }",)),
    "worlds need each other": ("RecursiveWit", "world 'a:b/v' needs itself: a:b/v → a:b/w → a:b/v",
        ("package a:b; world v { include w; } world w { include v; }",)),
    "packages need each other": ("RecursiveWit", "package 'a:b' needs itself: a:b → c:d → a:b",
        ("package a:b; interface i { use c:d/j.{t}; } interface k { type u = u8; }",
         "package c:d; interface j { type t = u8; } interface l { use a:b/k.{u}; }")),
    "own package by its whole name": ("RecursiveWit", "package 'a:b'",
        ("package a:b; interface i { use a:b/j.{t}; } interface j { type t = u8; }",)),
    "handle of no resource": ("InvalidType", "'t' is not a resource",
        ("package a:b; interface i { type t = u8; f: func(x: borrow<t>); }",)),
    "borrow in a result": ("InvalidType", "a result cannot hold a 'borrow'",
        ("package a:b; interface i { resource r; type t = list<borrow<r>>; f: func() -> option<t>; }",)),
    "map by a float": ("InvalidType", "the key of a map",
        ("package a:b; interface i { type t = map<f32, u8>; }",)),
    "constructor of something else": ("InvalidType", "the constructor of 'r' gives 'result<r, …>' or nothing",
        ("package a:b; interface i { resource r { constructor() -> result<s>; } resource s; }",)),
    "constructor of no result": ("InvalidType", "the constructor of 'r'",
        ("package a:b; interface i { resource r { constructor() -> r; } }",)),
    "self twice": ("DuplicateName", "a method has a parameter 'self' already",
        ("package a:b; interface i { resource r { m: func(self: u8); } }",)),
    "gate in the future": ("InvalidGate", "@since 1.1.0 in package 'a:b@1.0.0', which is older",
        ("package a:b@1.0.0; interface i { @since(version = 1.1.0) f: func(); }",)),
    "gate without a version": ("InvalidGate", "@since stands in package 'a:b', which has no version | 'package a:b@1.1.0;'",
        ("package a:b; interface i { @since(version = 1.1.0) f: func(); }",)),
    "reference to what is off": ("InvalidGate", "'t' is @unstable, and its feature is not on",
        ("package a:b; interface i { @unstable(feature = x) type t = u8; f: func(a: t); }",)),
    "use of what is off": ("InvalidGate", "'t' of 'a:b/j' is @unstable",
        ("package a:b; interface i { use j.{t}; } interface j { @unstable(feature = x) type t = u8; }",)),
    "inside of what is off": ("InvalidGate", "'j' is @unstable, and 't' in it is not",
        ("package a:b; @unstable(feature = x) interface j { type t = u8; }",)),
    "method of what is off": ("InvalidGate", "'r' is @unstable, and 'm' in it is not",
        ("package a:b; interface j { @unstable(feature = x) resource r { m: func(); } }",)),
    "export through an import": ("InconsistentExports", "export 'a:b/c' uses types of 'a:b/b', which is imported and uses 'a:b/a', which is exported | export 'a:b/b' too",
        ("package a:b; interface a { type t = u8; } interface b { use a.{t}; } interface c { use b.{t}; } world w { export a; export c; }",)),
}  # fmt: skip
