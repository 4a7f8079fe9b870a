"""JSON written by hand: what is read, where things stand, and how each mistake is named."""

import json

import pytest

from vllm_manager.configs.reading import MAX_DEPTH, UnreadableError, read_json


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, -2.5, 1e3, true, false, null, "x\\n\\u00e9"], "b": {"c": {}}, "d": []}',
        " [ ] ",
        '"text"',
        "0",
        "\n\t{}\r\n",
    ],
)
def test_what_is_json_is_read_as_json_reads_it(text: str) -> None:
    assert read_json(text).value == json.loads(text)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read_json('\ufeff{"a": 1}').value == {"a": 1}


def test_every_value_and_every_name_keeps_its_line_and_column() -> None:
    document = read_json('{\n  "a": 1,\n  "list": [10,\n    {"deep": true}]\n}')
    assert document.place(("a",), name=True) == (2, 3)
    assert document.place(("a",)) == (2, 8)
    assert document.place(("list", 0)) == (3, 12)
    assert document.place(("list", 1, "deep")) == (4, 14)
    assert document.place(()) == (1, 1)


def test_what_does_not_stand_there_is_placed_at_what_is_around_it() -> None:
    document = read_json('{\n  "a": {"b": 1}\n}')
    assert document.place(("a", "missing", "deeper")) == (2, 8)


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("", 1, 1, "the file ends where a value should be"),
        ('{"a": 1,}', 1, 8, "there is a comma before “}”; remove it"),
        ('{"a": [1, 2,]}', 1, 12, "there is a comma before “]”; remove it"),
        ('{"a": 1\n "b": 2}', 2, 2, 'here should be a comma or “}”, not “"”'),
        ('{"a" 1}', 1, 6, "here should be a colon after “a”, not “1”"),
        ('{"a": 1', 1, 8, "the file ends where a comma or “}” should be"),
        ("{a: 1}", 1, 2, "here should be a name in double quotes, not “a”"),
        ("{'a': 1}", 1, 2, "texts and names stand in double quotes"),
        ("{\"a\": 'x'}", 1, 7, "texts and names stand in double quotes"),
        ('{\n  // note\n  "a": 1}', 2, 3, "JSON has no comments; remove it"),
        ('{"a": # note\n 1}', 1, 7, "JSON has no comments; remove it"),
        ('{"a": NaN}', 1, 7, "NaN is not a JSON number"),
        ('{"a": -Infinity}', 1, 7, "-Infinity is not a JSON number"),
        ('{"a": True}', 1, 7, "“True” is written true"),
        ('{"a": None}', 1, 7, "“None” is written null"),
        ('{"a": chat}', 1, 7, "“chat” is a text: put it in double quotes"),
        ('{"a": 012}', 1, 7, "“012” is not a number as JSON writes them"),
        ('{"a": +1}', 1, 7, "“+1” is not a number as JSON writes them"),
        ('{"a": 1.}', 1, 7, "“1.” is not a number as JSON writes them"),
        ('{"a": 1e999}', 1, 7, "this number is too large"),
        (f'{{"a": {"9" * 50}}}', 1, 7, "this number has more than 40 digits"),
        ('{"a": 1, "a": 2}', 1, 10, "the name “a” stands twice in one object"),
        ('{"a": "x\ny"}', 1, 7, "this text has no end: a line ends, or a control character"),
        ('{"a": "\\x"}', 1, 7, "this text holds a wrong escape"),
        ('{"a": "\\u0000"}', 1, 7, "this text holds a NUL character"),
        ('{"a": "\\ud800"}', 1, 7, "this text holds a wrong escape"),
        ("{} {}", 1, 4, "there is more text after the end of the JSON value"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, line: int, column: int, why: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_json(text)
    assert caught.value.why.startswith(why)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_that_is_too_deep_is_refused_before_it_costs_anything(opening: str) -> None:
    with pytest.raises(UnreadableError, match=f"deeper than {MAX_DEPTH} levels"):
        read_json(opening * 100_000)


def test_a_long_text_is_read_in_one_go() -> None:
    text = json.dumps({"a": "x\\" * 200_000})
    assert read_json(text).value == json.loads(text)
