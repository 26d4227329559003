"""Flaws of messages and values between a check and a student's process; worded in `record.sentences`.

Standard library only: this file is also part of the student's side.
"""

from __future__ import annotations

from enum import StrEnum


class Flaw(StrEnum):
    """A flaw in a message or value."""

    # The other side broke the protocol.
    NOT_ASKED = "not_asked"
    NO_ANSWER = "no_answer"
    NO_MESSAGE = "no_message"
    MESSAGE_UNREADABLE = "message_unreadable"
    CHANGED_NOT_GIVEN = "changed_not_given"
    CHANGED_KIND = "changed_kind"
    CHANGED_SHAPE = "changed_shape"
    CALLED_NOT_GIVEN = "called_not_given"
    NO_ARGUMENT = "no_argument"
    NO_EXCEPTION = "no_exception"
    FUNCTION_NOT_GIVEN = "function_not_given"
    NO_FUNCTION = "no_function"
    TOO_MANY_FUNCTIONS = "too_many_functions"
    NO_CLASS = "no_class"
    TOO_MANY_CLASSES = "too_many_classes"
    NO_WEIGHTS = "no_weights"
    UNKNOWN_TYPE = "unknown_type"
    NO_TYPE = "no_type"
    NO_VALUE = "no_value"
    NESTED = "nested"
    TOO_MANY_VALUES = "too_many_values"
    MORE_BYTES = "more_bytes"
    FEWER_BYTES = "fewer_bytes"
    NO_REFERENCE = "no_reference"
    NUMBER_TOO_LARGE = "number_too_large"
    ARRAY_TYPE = "array_type"
    ARRAY_SHAPE = "array_shape"
    NO_TEXT = "no_text"
    NO_COLUMN = "no_column"

    # A value is not plain data.
    TOO_DEEP = "too_deep"
    CONTAINS_ITSELF = "contains_itself"
    TOO_LARGE = "too_large"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_MANY_DIGITS = "too_many_digits"
    RECORD = "record"
    MASKED = "masked"
    ARRAY_OF = "array_of"
    OF_TYPE = "of_type"

    # A network is not rebuilt.
    NETWORK_KIND = "network_kind"
    NETWORK_TOO_LARGE = "network_too_large"
    NETWORK_UNREADABLE = "network_unreadable"
    NETWORK_NUMBERS = "network_numbers"
    NETWORK_WEIGHTS = "network_weights"
    NETWORK_LAYER = "network_layer"
    NETWORK_FUNCTION = "network_function"
    NETWORK_FOREIGN = "network_foreign"
    NETWORK_NAME = "network_name"
    NETWORK_BUILD = "network_build"
    NETWORK_PART = "network_part"
    NETWORK_ACTIVATION = "network_activation"
    NETWORK_SETTING = "network_setting"
    NETWORK_TYPE = "network_type"
