"""Arguments described by a pydantic model."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from cadence_sdk.arguments import ArgumentsInvalid, problems_of, unknown_arguments
from cadence_sdk.docstrings import parameter_descriptions
from cadence_sdk.json_schema import closed_object, describe_properties, without_titles


class ModelArguments:
    """What a pydantic model asks for; the function gets its fields by name.

    A function with one parameter, annotated with that model, gets the model itself.
    """

    def __init__(self, model: type[BaseModel], *, func: Callable[..., Any]) -> None:
        self._model = model
        self._taken = inspect.signature(func).parameters
        schema = closed_object(without_titles(model.model_json_schema()))
        describe_properties(schema, parameter_descriptions(inspect.getdoc(func)))
        self._schema = schema

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of an object with the arguments."""
        return self._schema

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments for the function, the model's defaults included."""
        problems = []
        if self._model.model_config.get("extra") != "allow":
            known = {*self._schema["properties"], *self._model.model_fields}
            problems = unknown_arguments(given, known)
        try:
            filled = self._model.model_validate(dict(given))
        except ValidationError as error:
            raise ArgumentsInvalid([*problems, *problems_of(error)]) from None
        if problems:
            raise ArgumentsInvalid(problems)
        return self._for_function(filled)

    def _for_function(self, filled: BaseModel) -> dict[str, Any]:
        whole = self._parameter_for_model()
        if whole is not None:
            return {whole: filled}
        values = dict(filled)
        if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in self._taken.values()):
            return values
        # A default of the model that the function does not know of was meant for nobody.
        wanted = self._taken.keys() | filled.model_fields_set
        return {name: value for name, value in values.items() if name in wanted}

    def _parameter_for_model(self) -> str | None:
        if len(self._taken) != 1:
            return None
        (parameter,) = self._taken.values()
        names = (self._model, self._model.__name__)
        return parameter.name if parameter.annotation in names else None
