"""Problems carry what a person needs."""

from vllm_manager.kit.errors import FieldError, Problem, invalid, not_found


def test_what_is_not_there_is_named_with_what_is():
    problem = not_found("deployment", "demo2", ["demo", "other"])
    assert problem.details.status == 404
    assert problem.code == "deployment_not_found"
    assert problem.details.detail == "There is no deployment called “demo2”. Known: demo, other."


def test_a_request_with_wrong_fields_names_each():
    problem = invalid([FieldError(field="a", message="No."), FieldError(field="b.c", message="!")])
    assert problem.details.status == 422
    assert problem.details.detail == "a: No.; b.c: !"
    assert problem.details.title == "Invalid request"


def test_the_title_and_the_type_come_from_the_code():
    details = Problem("name_taken", "Why.").details
    assert (details.title, details.type) == ("Name taken", "urn:vllm-manager:problem:name_taken")
    assert details.retry_after_seconds is None
