"""Build hook: compile protos/ into gen/ (git-ignored), so that no generated code lives in git."""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib import import_module, resources
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent


def validate_descriptor() -> bytes:
    """A FileDescriptorSet with `buf/validate/validate.proto`: the protovalidate wheel ships it as a descriptor only."""
    from google.protobuf import descriptor_pb2

    module = import_module("protovalidate._gen.buf.validate.validate_pb")
    file = descriptor_pb2.FileDescriptorProto.FromString(module.desc().proto.to_binary())
    return descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()


def generate(root: Path = ROOT) -> Path:
    """Run protoc over `protos/`; returns the folder of the generated packages (`gen/`)."""
    from grpc_tools import protoc

    final = root / "gen"
    gen = Path(tempfile.mkdtemp(prefix="gen-", dir=root))
    validate = gen / "validate.binpb"
    validate.write_bytes(validate_descriptor())
    annotations = Path(str(import_module("google.api.annotations_pb2").__file__))
    sources = sorted(str(path.relative_to(root / "protos")) for path in (root / "protos").rglob("*.proto"))
    arguments = [
        "protoc",
        f"-I{root / 'protos'}",
        f"-I{resources.files('grpc_tools') / '_proto'}",
        f"-I{annotations.parents[2]}",
        f"--descriptor_set_in={validate}",
        f"--python_out={gen}",
        f"--grpc_python_out={gen}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={gen / 'descriptors.binpb'}",
    ]
    for plugin in ("mypy", "mypy_grpc"):
        if found := _script(f"protoc-gen-{plugin}"):
            arguments += [f"--plugin=protoc-gen-{plugin}={found}", f"--{plugin}_out={gen}"]
    if protoc.main([*arguments, *sources, "buf/validate/validate.proto"]):
        raise RuntimeError("protoc failed: see its message above")
    validate.unlink()
    for package in [path for path in gen.rglob("*") if path.is_dir()]:
        (package / "__init__.py").touch()
        (package / "py.typed").touch()
    (gen / "descriptors.binpb").rename(gen / "ngoclinh" / "descriptors.binpb")
    gen.chmod(0o755)
    shutil.rmtree(final, ignore_errors=True)
    gen.rename(final)
    return final


def _script(name: str) -> str | None:
    """The path of a console script: beside the interpreter, in an isolated build environment, or on the path."""
    folders = [Path(sys.executable).parent, *(parent / "bin" for entry in sys.path for parent in Path(entry).parents)]
    return next((str(folder / name) for folder in folders if (folder / name).exists()), shutil.which(name))


class ProtoBuildHook(BuildHookInterface[Any]):
    """Generates the Python code of the protos before hatchling collects files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before every build. An editable install finds `gen/` itself; a copy would hide changes."""
        gen = generate(Path(self.root))
        if version != "editable":
            build_data["force_include"] |= {str(gen / package): package for package in ("ngoclinh", "buf")}


if __name__ == "__main__":
    generate()
