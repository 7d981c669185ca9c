"""`Tag` and `TagType`, and tags as imports and exports."""

from typing import Any

import pytest


@pytest.fixture
def engine(api: Any) -> Any:
    """An engine that has exceptions."""
    config = api.Config()
    config.wasm_exceptions = True
    return api.Engine(config)


@pytest.fixture
def tag_type(api: Any) -> Any:
    """The type of tags that carry an i32."""
    return api.TagType(api.FuncType([api.ValType.i32()], []))


IMPORT = '(module (import "a" "t" (tag (param i32))))'


def test_tag_has_its_type_and_equals_itself_only(api: Any, store: Any, tag_type: Any) -> None:
    tag, other = api.Tag(store, tag_type), api.Tag(store, tag_type)
    assert [str(t) for t in tag.type(store).functype.params] == ["i32"]
    assert tag.eq(store, tag) and not tag.eq(store, other)


def test_tag_of_a_type_with_results_is_refused(api: Any, store: Any) -> None:
    type = api.TagType(api.FuncType([], [api.ValType.i32()]))
    with pytest.raises(api.WasmtimeError, match="with results in the signature"):
        api.Tag(store, type)


def test_tag_of_wrong_arguments_is_a_type_error(api: Any, store: Any) -> None:
    with pytest.raises(TypeError, match="expected a TagType"):
        api.Tag(store, 3)
    with pytest.raises(TypeError, match="expected a FuncType"):
        api.TagType(3)


def test_module_tells_its_tags(api: Any, engine: Any) -> None:
    module = api.Module(
        engine, '(module (import "a" "t" (tag (param i32))) (tag (export "u") (param f64)))'
    )
    (imported,), (exported,) = module.imports, module.exports
    assert isinstance(imported.type, api.TagType) and isinstance(exported.type, api.TagType)
    assert [str(t) for t in imported.type.functype.params] == ["i32"]
    assert [str(t) for t in exported.type.functype.params] == ["f64"]


def test_instance_exports_the_tag_it_imported(
    api: Any, engine: Any, store: Any, tag_type: Any
) -> None:
    text = '(module (import "a" "t" (tag $t (param i32))) (export "u" (tag $t)))'
    tag = api.Tag(store, tag_type)
    exports = api.Instance(store, api.Module(engine, text), [tag]).exports(store)
    assert isinstance(exports["u"], api.Tag)
    assert exports["u"].eq(store, tag)


def test_import_of_another_type_or_kind_is_told(api: Any, engine: Any, store: Any) -> None:
    module = api.Module(engine, IMPORT)
    wrong = api.Tag(store, api.TagType(api.FuncType([], [])))
    with pytest.raises(api.WasmtimeError, match=r"`a::t`(.|\n)*incompatible tag types"):
        api.Instance(store, module, [wrong])
    with pytest.raises(api.WasmtimeError, match="expected tag, but found global"):
        api.Instance(
            store, module, [api.Global(store, api.GlobalType(api.ValType.i32(), False), 1)]
        )


def test_linker_defines_gets_and_defaults_tags(
    api: Any, engine: Any, store: Any, tag_type: Any
) -> None:
    module = api.Module(engine, IMPORT)
    linker, tag = api.Linker(engine), api.Tag(store, tag_type)
    linker.define(store, "a", "t", tag)
    linker.instantiate(store, module)
    assert linker.get(store, "a", "t").eq(store, tag)
    unknown = api.Linker(engine)
    unknown.define_unknown_imports_as_traps(module)
    with pytest.raises(api.WasmtimeError, match="unknown import: `a::t` has not been defined"):
        unknown.instantiate(store, module)
    unknown.define_unknown_imports_as_default_values(store, module)
    unknown.instantiate(store, module)


@pytest.mark.usefixtures("own")
def test_tag_of_another_store_is_refused(api: Any, engine: Any, store: Any, tag_type: Any) -> None:
    tag, other = api.Tag(store, tag_type), api.Store(engine)
    for use in (
        lambda: tag.type(other),
        lambda: tag.eq(other, tag),
        lambda: api.Instance(other, api.Module(engine, IMPORT), [tag]),
    ):
        with pytest.raises(api.WasmtimeError, match="wrong store"):
            use()
    with pytest.raises(TypeError, match="expected a Tag"):
        tag.eq(store, 3)
