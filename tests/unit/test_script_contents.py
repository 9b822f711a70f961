"""Scripts are read once, kept where rules want them, and forgotten when there are too many."""

from __future__ import annotations

import asyncio

from scanner.browser.bodies import ScriptContents


def key(name: str) -> tuple[str, str, str, str]:
    return f"https://t.example/{name}.js", '"1"', "", ""


def script(letter: str) -> bytes:
    return b"var x = '" + letter.encode() * 100_000 + b"';"


def test_two_visits_that_read_the_same_script_at_once_count_it_once() -> None:
    scripts = ScriptContents(max_kept_bytes=150_000)

    async def both(letter: str) -> None:
        await asyncio.gather(*(scripts.read(key(f"{letter}{visit}"), script(letter), keep=True) for visit in (1, 2)))

    async def read() -> None:
        for letter in "abcd":
            await both(letter)

    asyncio.run(read())
    last = scripts.get(key("d1"))
    assert last is not None
    assert last.kept == script("d"), "there is room for one"
    assert scripts.get(key("a1")) is None


def test_a_script_with_a_sign_is_kept_although_no_rule_names_its_address() -> None:
    scripts = ScriptContents(signs=(b"sign",))

    async def read() -> list[bytes | None]:
        plain = await scripts.read(key("plain"), b"var plain", keep=False)
        signed = await scripts.read(key("signed"), b"var sign", keep=False)
        wanted = await scripts.read(key("again"), b"var plain", keep=True)
        return [plain.kept, signed.kept, wanted.kept]

    assert asyncio.run(read()) == [None, b"var sign", b"var plain"]
