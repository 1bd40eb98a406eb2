"""Every job by name: `nox` runs lint and tests; `nox -l` lists the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.default_venv_backend = "venv"

CPP = [
    str(path)
    for folder in (".", "core", "kernels", "algorithms", "bindings", "tests", "example")
    for path in sorted(Path("cpp", folder).glob("*.[hc]pp"))
]


def install(session: nox.Session, *what: str) -> None:
    """Install into the session's environment; with --no-venv the caller's already has it."""
    if session.virtualenv.is_sandboxed:
        session.install(*what)


@nox.session
def tests(session: nox.Session) -> None:
    """Unit, property and end-to-end tests (run `fastface models install` once before)."""
    install(session, ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, import contracts, stubs against the binary."""
    install(session, ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("clang-format", "--dry-run", "--Werror", *CPP)
    session.run("mypy")
    session.run("python", "-m", "mypy.stubtest", "fastface._core")
    session.run("lint-imports")


@nox.session
def bench(session: nox.Session) -> None:
    """Kernel benchmarks against their twins and peers, as a table."""
    install(session, ".[bench]")
    session.run("python", "-m", "pytest", "bench", "--benchmark-only", *session.posargs)


@nox.session
def bench_smoke(session: nox.Session) -> None:
    """Each benchmark once: their accuracy checks hold and nothing has rotted."""
    install(session, ".[bench]")
    also = "tests/test_report_bench.py"
    session.run("python", "-m", "pytest", "bench", also, "--benchmark-disable", *session.posargs)


@nox.session
def bench_report(session: nox.Session) -> None:
    """Time and memory against n, quality against time: docs/kernels.md and its figure."""
    install(session, ".[bench]")
    session.run("python", "-m", "bench.report", *session.posargs)


@nox.session
def guard(session: nox.Session) -> None:
    """Has a kernel become slower? HEAD against a commit: `nox -s guard -- main`."""
    install(session, ".[bench]", "scikit-build-core", "pybind11", "cmake", "ninja")
    session.run("python", "bench/guard.py", *(session.posargs or ["HEAD~1"]))


def cpp_tests(session: nox.Session, folder: str, *options: str) -> Path:
    """Build the core and its tests, no Python in them, and run them; where they were built."""
    install(session, "cmake", "ninja")
    build = Path("build", folder)
    switches = ["-DFASTFACE_PYTHON=OFF", "-DFASTFACE_TESTS=ON", *options]
    session.run("cmake", "-S", ".", "-B", str(build), "-G", "Ninja", *switches, silent=True)
    session.run("cmake", "--build", str(build))
    session.run("ctest", "--test-dir", str(build), "--output-on-failure")
    return build


@nox.session
def sanitize(session: nox.Session) -> None:
    """The C++ tests under the address, undefined and thread sanitizers."""
    for sanitizers in ("address,undefined", "thread"):
        cpp_tests(
            session,
            f"sanitize-{sanitizers.replace(',', '-')}",
            "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
            f"-DFASTFACE_SANITIZE={sanitizers}",
        )


@nox.session
def clang(session: nox.Session) -> None:
    """The C++ tests by Clang and its library, as on a Mac, where both exist."""
    compiler = shutil.which("clang++-16")
    if not compiler or not Path("/usr/lib/llvm-16/include/c++").exists():
        session.skip("needs clang++-16 and libc++-16-dev")
    options = (f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_CXX_FLAGS=-stdlib=libc++ -Werror")
    cpp_tests(session, "clang", *options)


@nox.session
def cpp_package(session: nox.Session) -> None:
    """The core installed by CMake alone; the example built against the installed package."""
    install(session, "cmake", "ninja")
    build, prefix = Path("build", "package"), Path("build", "package", "prefix").resolve()
    configure = ["cmake", "-G", "Ninja", "-S"]
    session.run(*configure, ".", "-B", str(build), "-DFASTFACE_PYTHON=OFF", silent=True)
    session.run("cmake", "--build", str(build), silent=True)
    shutil.rmtree(prefix, ignore_errors=True)
    session.run("cmake", "--install", str(build), "--prefix", str(prefix), silent=True)
    example = build / "example"
    shutil.rmtree(example, ignore_errors=True)
    session.run(
        *configure, "cpp/example", "-B", str(example), f"-DCMAKE_PREFIX_PATH={prefix}", silent=True
    )
    session.run("cmake", "--build", str(example), silent=True)
    session.run(str(example / "people"), external=True)


@nox.session
def neon(session: nox.Session) -> None:
    """The C++ tests for 64-bit Arm, cross-compiled and run under qemu-user where both exist."""
    compiler, emulator = shutil.which("aarch64-linux-gnu-g++"), shutil.which("qemu-aarch64")
    if not compiler or not emulator:
        session.skip("needs aarch64-linux-gnu-g++ and qemu-aarch64")
    build = cpp_tests(
        session,
        "neon",
        "-DCMAKE_SYSTEM_NAME=Linux",
        "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
        f"-DCMAKE_CXX_COMPILER={compiler}",
        f"-DCMAKE_CROSSCOMPILING_EMULATOR={emulator}",
        "-DCMAKE_EXE_LINKER_FLAGS=-static",
    )
    # Every test has run on every target; fail if the dot product's was not among them.
    dispatch = str(build / "cpp" / "tests" / "dispatch_test")
    session.run(emulator, dispatch, env={"FASTFACE_TARGET": "dotprod"}, external=True)
