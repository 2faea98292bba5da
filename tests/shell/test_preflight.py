"""The preflight of make setup SIM=isaac: every complaint about a machine, all of them in one run.

A machine is a PATH of stubs, whose answers are those of the real programs.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from shell_checkout import SOURCE, program

SCRIPT = "scripts/setup/preflight.sh"
LINKED = ("bash", "mktemp", "rm", "stat", "timeout")
UNAME = "case $1 in -s) echo Linux ;; -m) echo x86_64 ;; -r) echo 6.8.0-85-generic ;; *) exit 99 ;; esac\n"
WSL = UNAME.replace("6.8.0-85-generic", "5.15.167.4-microsoft-standard-WSL2")
GETCONF = '[ "$*" = GNU_LIBC_VERSION ] || exit 99\necho "glibc 2.35"\n'
GETENT = '[ "$1" = ahosts ] || exit 99\ncase $2 in *.good) echo "192.0.2.1 STREAM $2" ;; *) exit 2 ;; esac\n'
QUERY = "--query-gpu=name,driver_version,memory.total --format=csv,noheader,nounits"
RTX = "NVIDIA GeForce RTX 4090, 580.65.06, 24564"
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.95"
RELEASE = 'PRETTY_NAME="{}"\nID={}\nVERSION_ID="{}"\n'
LIBRARIES = {
    "libatomic.so.1": "libatomic1",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLU.so.1": "libglu1-mesa",
    "libGLX.so.0": "libglx0",
    "libgomp.so.1": "libgomp1",
    "libSM.so.6": "libsm6",
    "libXi.so.6": "libxi6",
    "libXrandr.so.2": "libxrandr2",
    "libXt.so.6": "libxt6",
    "libglib-2.0.so.0": "libglib2.0-0",
}
DRIVER_LIBRARY = "libGLX_nvidia.so.0"
STATES = """
 wrong-platform wsl2-unsupported glibc-too-old untested-os little-memory too-many-open-files no-nvidia-gpu
 nvml-mismatch gpu-does-not-answer driver-below-minimum driver-not-validated driver-too-new-595
 gpu-without-rt-cores little-gpu-memory missing-system-lib missing-libglu vulkan-incompatible-driver
 isaac-path-with-space folder-not-writable disk-full-install free-disk-unknown few-inodes missing-tools
 names-do-not-resolve
""".replace("\n", " ")
"""Every id that it knows, between blanks."""


def smi(answer: str, status: int = 0) -> str:
    """An nvidia-smi that gives an answer to the one question it knows."""
    return f"[ \"$*\" = '{QUERY}' ] || exit 99\ncat <<'END'\n{answer}\nEND\nexit {status}\n"


def df(gigabytes: float = 500, files: object = 30000000, files_free: object = 20000000) -> str:
    """A df of disks that all have as much free, in units of 1000^3 bytes."""
    kib = math.ceil(gigabytes * 1e9 / 1024)
    return (
        '[ "$1 $2 $3" = "-k --output=avail,itotal,iavail --" ] && [ -d "$4" ] || exit 99\n'
        f"echo '     Avail   Inodes    IFree'\necho '{kib} {files} {files_free}'\n"
    )


def ldconfig(*sonames: str) -> str:
    """An ldconfig that lists these libraries."""
    lines = "".join(f"\t{name} (libc6,x86-64) => /lib/{name}\n" for name in sonames)
    return f"[ \"$*\" = -p ] || exit 99\ncat <<'END'\n{len(sonames)} libs found\n{lines}END\n"


@dataclass
class Machine:
    """A machine that is good until something of it is changed."""

    root: Path

    def __post_init__(self) -> None:
        for name in ("env/pins.env", "scripts/lib.sh", SCRIPT):
            target = self.checkout / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, target)
        self.bin.mkdir()
        for name in (*LINKED, "cat"):
            self.link(name)
        self.change(
            {
                "uname": UNAME,
                "getconf": GETCONF,
                "getent": GETENT,
                "nvidia-smi": smi(RTX),
                "df": df(),
                "ldconfig": ldconfig(*LIBRARIES, DRIVER_LIBRARY),
                "OS_RELEASE": RELEASE.format("Ubuntu 22.04.5 LTS", "ubuntu", "22.04"),
                "MEMINFO": "MemTotal:       65536000 kB\nMemFree:        1024 kB\n",
            }
        )

    @property
    def checkout(self) -> Path:
        return self.root / "mön checkout"

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    def link(self, name: str) -> None:
        """Put the real program on PATH."""
        tool = shutil.which(name)
        if tool is None:
            pytest.skip(f"this machine has no {name}")
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).symlink_to(os.path.realpath(tool))

    def change(self, things: dict[str, str | None]) -> None:
        """Other programs, or with a name in capitals another file of the system; None takes it away."""
        for name, content in things.items():
            if name.isupper():
                self._change_file(name, content)
            elif content is None:
                (self.bin / name).unlink()
            else:
                program(self.bin / name, content)

    def _change_file(self, constant: str, content: str | None) -> None:
        path = self.root / constant
        script = self.checkout / SCRIPT
        text, count = re.subn(rf"(?m)^{constant}=.*$", f"{constant}='{path}'", script.read_text(encoding="utf-8"))
        assert count == 1
        script.write_text(text, encoding="utf-8")
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content, encoding="utf-8")

    def run(self, *arguments: str, before: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run the preflight as it is, after a command of the shell."""
        return subprocess.run(
            ["bash", "-c", f'{before}\nexec "$@"', "bash", str(self.checkout / SCRIPT), *arguments],
            env={"HOME": str(self.root), "PATH": str(self.bin), "LC_ALL": "C.UTF-8", **env},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def rows(self, *arguments: str, before: str = "", **env: str) -> list[list[str]]:
        """What it says: kind, id, what and repair, each in the form that the set-up and doctor read."""
        done = self.run(*arguments, before=before, **env)
        assert (done.returncode, done.stderr) == (0, "")
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        for kind, name, what, repair in rows:
            assert kind in ("needed", "recommended")
            assert f" {name} " in STATES
            assert re.fullmatch(r"[^;]+(; [^;]+)+[^.;\s]", f"{what}; {repair}"), (what, repair)
        return rows

    def complaints(self, *arguments: str, before: str = "", **env: str) -> list[tuple[str, str]]:
        """What it says, as kind and text, as the set-up puts it."""
        return [(kind, f"{what}; {repair}") for kind, _, what, repair in self.rows(*arguments, before=before, **env)]

    def ids(self, *arguments: str) -> list[str]:
        """The ids of its complaints."""
        return [name for _, name, _, _ in self.rows(*arguments)]


def only(complaints: list[tuple[str, str]], kind: str, *parts: str) -> str:
    """The text of the only complaint, which is of that kind and holds these parts."""
    assert [complaint[0] for complaint in complaints] == [kind], complaints
    for part in parts:
        assert part in complaints[0][1]
    return complaints[0][1]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def paths(root: Path) -> list[str]:
    """Every path under a folder."""
    return sorted(str(path) for path in root.rglob("*"))


def test_a_good_machine(machine: Machine) -> None:
    """Nothing is said, and nothing stays where it tried to write."""
    before = paths(machine.root)
    arguments = [f"--disk=60:{machine.root}/new/isaac", f"--disk=5:{machine.root}", "--disk=1:.isaac/downloads"]
    assert machine.complaints(*arguments, "--tool=bash", "--host=a.good", "--isaac-path=/opt/isaac") == []
    assert machine.complaints() == []
    assert paths(machine.root) == before


SYSTEM = {
    "not Linux": ({"uname": UNAME.replace("Linux", "FreeBSD")}, "needed", "'FreeBSD'"),
    "arm": ({"uname": UNAME.replace("x86_64", "aarch64")}, "needed", "'aarch64'"),
    "WSL2": ({"uname": WSL}, "recommended", "this is WSL2"),
    "WSL1": ({"uname": WSL.replace("microsoft", "Microsoft")}, "recommended", "this is WSL2"),
    "glibc 2.31": (
        {"getconf": "echo glibc 2.31"},
        "needed",
        "glibc is 2.31, Isaac Sim 5.1 is built for 2.35; use Ubuntu 22.04 or 24.04",
    ),
    "glibc 2.4": ({"getconf": "echo glibc 2.4"}, "needed", "glibc is 2.4,"),
    "musl": ({"getconf": "echo 'getconf: GNU_LIBC_VERSION: unknown variable' >&2; exit 1"}, "needed", "no glibc"),
    "Ubuntu 20.04": ({"OS_RELEASE": RELEASE.format("Ubuntu 20.04.6 LTS", "ubuntu", "20.04")}, "recommended", "20.04.6"),
    "Ubuntu 2.04": ({"OS_RELEASE": RELEASE.format("Ubuntu 2", "ubuntu", "2.04")}, "recommended", "'Ubuntu 2'"),
    "Debian": ({"OS_RELEASE": RELEASE.format("Debian GNU/Linux 12", "debian", "12")}, "recommended", "'Debian GNU/Li"),
    "Pop": ({"OS_RELEASE": RELEASE.format("Pop!_OS 22.04 LTS", "pop", "22.04")}, "recommended", "'Pop!_OS 22.04 LTS'"),
    "no os-release": ({"OS_RELEASE": None}, "recommended", "this system is 'unknown'"),
    "broken os-release": ({"OS_RELEASE": "ID='ubuntu\n"}, "recommended", "this system is 'unknown'"),
    "16 GB": ({"MEMINFO": "MemTotal: 16265000 kB\n"}, "recommended", "has 15.5 GB of memory, Isaac Sim 5.1 wants 32"),
    "no uname": ({"uname": None}, "needed", "sudo apt install coreutils"),
    "no getconf": ({"getconf": None}, "needed", "not on PATH: getconf; install what brings them:"),
}


@pytest.mark.parametrize("name", SYSTEM)
def test_system(machine: Machine, name: str) -> None:
    things, kind, part = SYSTEM[name]
    machine.change(dict(things))
    only(machine.complaints(), kind, part)


@pytest.mark.parametrize(
    "things",
    [
        {"getconf": "echo glibc 2.39", "OS_RELEASE": RELEASE.format("Ubuntu 24.04 LTS", "ubuntu", "24.04")},
        {"getconf": "echo glibc 2.36.9000"},
        {"getconf": "echo glibc 3.0"},
        {"MEMINFO": "MemTotal: 32715000 kB\n"},  # sold as 32 GB
        {"ldconfig": None},
        {"nvidia-smi": smi(f"WARNING: infoROM is corrupted at gpu 0000:01:00.0\n{RTX}")},
    ],
)
def test_no_reason_to_complain(machine: Machine, things: dict[str, str | None]) -> None:
    machine.change(things)
    assert machine.complaints() == []


DRIVERS = {
    "470.256.02": "needed",
    "535.274.02": "needed",
    "570.86.15": "needed",  # 86 before 169
    "570.168.99": "needed",
    "570.169": "recommended",
    "570.169.01": "recommended",
    "570.1000": "recommended",
    "575.64.03": "recommended",
    "580.9": "recommended",  # 9 before 65
    "580.65.05": "recommended",
    "580.65": "recommended",
    "580.65.06": None,
    "580.65.6": None,
    "580.65.08": None,  # no octal number
    "580.105.08": None,
    "590.48.01": None,
    "594.999": None,
    "595.45.04": "recommended",
    "1000.1": "recommended",
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_driver(machine: Machine, driver: str) -> None:
    machine.change({"nvidia-smi": smi(f"NVIDIA RTX 6000 Ada Generation, {driver}, 49140")})
    complaints = machine.complaints()
    kind = DRIVERS[driver]
    if kind is None:
        assert complaints == []
        return
    text = only(complaints, kind, f"the NVIDIA driver is {driver}, ")
    assert "sudo apt install nvidia-driver-580-open, then reboot" in text
    assert ("renderer of Isaac Sim 5.1 crashes" in text) == (float(driver[:4]) >= 595)


@pytest.mark.parametrize(
    ("gpus", "parts"),
    [
        (["Tesla V100-SXM2-16GB, 16160"], ["'Tesla V100-SXM2-16GB' has no RT cores"]),
        (["Tesla P100-PCIE-16GB, 16280"], ["no RT cores"]),
        (["NVIDIA A100-SXM4-80GB, 81920"], ["no RT cores"]),
        (["NVIDIA A100 80GB PCIe, 81920"], ["no RT cores"]),
        (["NVIDIA A800 40GB Active, 40960"], ["no RT cores"]),
        (["NVIDIA A30, 24576"], ["no RT cores"]),
        (["NVIDIA H100 80GB HBM3, 81559"], ["no RT cores"]),
        (["NVIDIA H20, 97871"], ["no RT cores"]),
        (["NVIDIA H200, 143771"], ["no RT cores"]),
        (["NVIDIA GH200 480GB, 97871"], ["no RT cores"]),
        (["NVIDIA B200, 183359"], ["no RT cores"]),
        (["NVIDIA GB200, 189471"], ["no RT cores"]),
        (["Quadro GV100, 32508"], ["no RT cores"]),
        (["Quadro P6000, 24449"], ["no RT cores"]),
        (["NVIDIA TITAN Xp, 12288"], ["no RT cores", "12288 MiB"]),
        (["NVIDIA GeForce GTX 1080 Ti, 11264"], ["no RT cores", "has 11264 MiB of memory, Isaac Sim 5.1 wants 16 GB"]),
        (["NVIDIA GeForce GTX 1660 SUPER, 6144"], ["no RT cores", "6144 MiB"]),
        (["NVIDIA T1000 8GB, 8192"], ["no RT cores", "8192 MiB"]),
        (["NVIDIA GeForce RTX 4070, 12282"], ["'NVIDIA GeForce RTX 4070' has 12282 MiB"]),
        (["NVIDIA RTX 5000, with a comma, 8192"], ["'NVIDIA RTX 5000, with a comma' has 8192 MiB"]),
        (["NVIDIA GeForce RTX 4080, 16376"], []),
        (["NVIDIA RTX A4000, 15352"], []),
        (["Tesla T4, 15079"], []),
        (["NVIDIA A10G, 23028"], []),
        (["NVIDIA A40-24Q, 24576"], []),
        (["NVIDIA L40S, 46068"], []),
        (["NVIDIA L4, 23034"], []),
        (["NVIDIA TITAN RTX, 24576"], []),
        (["NVIDIA RTX A3000 Laptop GPU, 16384"], []),
        (["NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition, 97887"], []),
        (["NVIDIA GB10, [N/A]"], []),
        (["NVIDIA H100 PCIe, 81559", "NVIDIA RTX A5000, 24564"], []),
        (["NVIDIA RTX A5000, 24564", "NVIDIA GeForce GT 1030, 2048"], []),
        (["NVIDIA H100 PCIe, 81559", "NVIDIA GeForce RTX 3060, 12288"], ["'NVIDIA GeForce RTX 3060' has 12288 MiB"]),
        (["NVIDIA GeForce RTX 3060, 12288", "NVIDIA GeForce RTX 3050, 8192"], ["'NVIDIA GeForce RTX 3060' has"]),
        (["NVIDIA A30, 24576", "NVIDIA A100-PCIE-40GB, 40960"], ["'NVIDIA A100-PCIE-40GB' has no RT cores"]),
    ],
    ids=lambda value: value[0].rpartition(", ")[0] if value and "," in value[0] else "",
)
def test_gpu(machine: Machine, gpus: list[str], parts: list[str]) -> None:
    """One line about each thing that is wrong with the best one."""
    rows = [", 580.65.06, ".join(gpu.rsplit(", ", 1)) for gpu in gpus]
    machine.change({"nvidia-smi": smi("\n".join(rows))})
    complaints = machine.complaints()
    assert [kind for kind, _ in complaints] == ["recommended"] * len(parts)
    for (_, text), part in zip(complaints, parts, strict=True):
        assert part in text


NO_GPU = {
    "no nvidia-smi": ({"nvidia-smi": None}, "recommended", ["no NVIDIA GPU answers, nvidia-smi is not on PATH;"]),
    "no device": ({"nvidia-smi": smi("No devices were found")}, "recommended", ["(nvidia-smi: No devices were found)"]),
    "no driver": (
        {"nvidia-smi": 'echo "NVIDIA-SMI has failed because it couldn\'t communicate" >&2; exit 9'},
        "recommended",
        ["no NVIDIA GPU answers (nvidia-smi: NVIDIA-SMI has failed", "the simulator will not start here; "],
    ),
    "silent": ({"nvidia-smi": "exit 12"}, "recommended", ["no NVIDIA GPU answers (nvidia-smi: status 12)"]),
    "stuck": ({"timeout": "exit 124"}, "recommended", ["no NVIDIA GPU answers (nvidia-smi: no word within 20 s)"]),
    "killed": ({"timeout": "exit 137"}, "recommended", ["no NVIDIA GPU answers (nvidia-smi: no word within 20 s)"]),
    "mismatch": ({"nvidia-smi": smi(MISMATCH, 18)}, "needed", ["older kernel module is loaded", "sudo reboot"]),
    "one is lost": (
        {"nvidia-smi": smi(f"{RTX}\nUnable to determine the device handle for GPU1: 0000:81:00.0: Unknown Error", 15)},
        "recommended",
        ["one NVIDIA GPU does not answer (nvidia-smi: Unable to determine the device handle", "sudo reboot"],
    ),
}


@pytest.mark.parametrize("name", NO_GPU)
def test_no_gpu(machine: Machine, name: str) -> None:
    things, kind, parts = NO_GPU[name]
    machine.change(dict(things))
    only(machine.complaints(), kind, *parts)


def test_what_a_gpu_lacks_has_an_id(machine: Machine) -> None:
    """No GPU at all is not one of several that is gone, and a driver below the least not one that is untested."""
    for answer, name in {
        "No devices were found": "no-nvidia-gpu",
        MISMATCH: "nvml-mismatch",
        "RTX A6000, 535.1, 49140": "driver-below-minimum",
        "RTX A6000, 575.64, 49140": "driver-not-validated",
        "RTX A6000, 595.1, 49140": "driver-too-new-595",
        "NVIDIA A100, 580.65.06, 81920": "gpu-without-rt-cores",
        "RTX 4060, 580.65.06, 8192": "little-gpu-memory",
    }.items():
        machine.change({"nvidia-smi": smi(answer)})
        assert machine.ids() == [name]
    machine.change({"nvidia-smi": smi(f"{RTX}\nUnknown Error", 15)})
    assert machine.ids() == ["gpu-does-not-answer"]


def test_nvidia_smi_has_a_time_limit(machine: Machine) -> None:
    machine.change({"timeout": '[ "$1 $2 $3" = "--kill-after=5 20 nvidia-smi" ] || exit 99\nshift 2\nexec "$@"\n'})
    assert machine.complaints() == []


@pytest.mark.parametrize("soname", LIBRARIES)
def test_one_library(machine: Machine, soname: str) -> None:
    """A library for 32 bit programs does not stand in for one that is missing."""
    here = [name for name in (*LIBRARIES, DRIVER_LIBRARY) if name != soname]
    machine.change({"ldconfig": f"{ldconfig(*here)}echo '\t{soname} (libc6) => /lib/i386-linux-gnu/{soname}'\n"})
    text = only(machine.complaints(), "recommended")
    assert f"system libraries: {soname}; install them: sudo apt install {LIBRARIES[soname]}" in text


def test_libraries(machine: Machine) -> None:
    """All in one complaint, and the driver's own half in another, where there is a driver."""
    machine.change({"ldconfig": ldconfig()})
    libraries, driver = machine.complaints()
    assert libraries[0] == driver[0] == "recommended"
    assert f"{' '.join(LIBRARIES)}; install them: sudo apt install {' '.join(LIBRARIES.values())}" in libraries[1]
    assert DRIVER_LIBRARY in driver[1]
    assert "sudo apt install libnvidia-gl-580," in driver[1]
    machine.change({"nvidia-smi": smi("No devices were found")})
    assert [text for _, text in machine.complaints() if DRIVER_LIBRARY in text] == []


def test_libraries_have_ids(machine: Machine) -> None:
    """libGLU has one of its own, where it is all that is missing."""
    machine.change({"ldconfig": ldconfig()})
    assert machine.ids() == ["missing-system-lib", "vulkan-incompatible-driver"]
    machine.change({"ldconfig": ldconfig(*(name for name in (*LIBRARIES, DRIVER_LIBRARY) if name != "libGLU.so.1"))})
    assert machine.ids() == ["missing-libglu"]


def test_open_files(machine: Machine) -> None:
    """Only a limit that a process cannot raise by itself counts."""
    assert machine.complaints(before="ulimit -Sn 1024") == []
    text = only(machine.complaints(before="ulimit -n 1024"), "recommended")
    assert text.startswith("a process may open 1024 files here (ulimit -Hn), Isaac Sim wants 4096; raise nofile")


def test_isaac_path(machine: Machine) -> None:
    complaints = machine.complaints("--isaac-path=/home/me/my isaac/isaacsim")
    text = only(complaints, "needed", "'/home/me/my isaac/isaacsim'")
    assert text.startswith("Isaac Sim's own python.sh does not work in a folder with a space")
    assert text.endswith("make setup SIM=isaac INSTALL=/path")
    assert len(machine.complaints("--isaac-path=/home/me/my\tisaac")) == 1
    assert len(machine.complaints("--isaac-path=/home/me/my\nisaac")) == 1


def test_needs_of_one_disk_add_up(machine: Machine) -> None:
    """Through a link too, and each path is named once."""
    machine.change({"df": df(50)})
    (machine.root / "link").symlink_to(machine.root / "home")
    (machine.root / "home").mkdir()
    one, two = f"{machine.root}/new/isaac", f"{machine.root}/link/lab"
    assert machine.complaints(f"--disk=30:{one}", f"--disk=20:{two}") == []
    complaints = machine.complaints(f"--disk=30:{one}", f"--disk=20:{two}", f"--disk=08:{one}")
    text = only(complaints, "needed")
    assert text.startswith(f"50 GB are free on the disk of '{one}' and '{two}', 58 GB are needed; free some space, or")


def test_each_disk_for_itself(machine: Machine) -> None:
    """Files count on the disk that most goes to, where the file system counts them at all."""
    for name in ("one", "two"):
        (machine.root / name).mkdir()
    machine.change(
        {"stat": '[ "$1 $2 $3 $4" = "-L -c %d --" ] || exit 99\ncase $5 in */one) echo 11 ;; */two) echo 22 ;; esac\n'}
    )
    disks = [f"--disk=30:{machine.root}/one/a", f"--disk=40:{machine.root}/two/b", f"--disk=20:{machine.root}/one/c"]
    machine.change({"df": df(45)})
    only(machine.complaints(*disks), "needed", "one/a' and '", "one/c', 50 GB are needed")
    machine.change({"df": df(35)})
    assert [re.findall(r"\d+ GB", text) for _, text in machine.complaints(*disks)] == [
        ["35 GB", "50 GB"],
        ["35 GB", "40 GB"],
    ]
    machine.change({"df": df(files_free=299999)})
    text = only(machine.complaints(*disks), "needed", "one/a' and '")
    assert text.startswith("299999 more files fit on the disk of '")
    only(machine.complaints(disks[0], disks[1]), "needed", "two/b' (df -i)")
    for files in (0, "-"):
        machine.change({"df": df(files=files, files_free=files)})
        assert machine.complaints(*disks) == []


@pytest.mark.parametrize("stub", ["exit 1", "echo header; echo - - -", "exit 0"])
def test_df_has_no_answer(machine: Machine, stub: str) -> None:
    machine.change({"df": stub})
    complaints = machine.complaints(f"--disk=30:{machine.root}")
    only(complaints, "recommended", "df does not say", f"'{machine.root}', 30 GB are needed")


def test_not_a_folder(machine: Machine) -> None:
    """A file in the way, or a link to nowhere."""
    (machine.root / "file").write_text("")
    (machine.root / "dangling").symlink_to("nowhere")
    for path in (f"{machine.root}/file", f"{machine.root}/file/isaac/sim", f"{machine.root}/dangling/isaac"):
        text = only(machine.complaints(f"--disk=1:{path}"), "needed")
        assert re.fullmatch(rf"'{machine.root}/(file|dangling)' is not a folder; .*INSTALL=/path", text)


def test_cannot_write(machine: Machine) -> None:
    """Nobody makes files in /proc, root neither; and one folder is said once."""
    complaints = machine.complaints("--disk=1:/proc/isaac/sim", "--disk=1:/proc/lab")
    only(complaints, "needed", "cannot write in '/proc' (", "INSTALL=/path")


def test_no_permission(machine: Machine) -> None:
    """The folder that is there already may be the root of all."""
    message = "mktemp: failed to create file via template '/.write-test.XXXXXX': Permission denied"
    machine.change({"mktemp": f'[ "$*" = "-p / .write-test.XXXXXX" ] || exit 99\necho "{message}" >&2\nexit 1\n'})
    for path in ("/", "/no-such-folder/isaac", "//no-such-folder//isaac//"):
        only(machine.complaints(f"--disk=1:{path}"), "needed", "cannot write in '/' (Permission denied)")


def test_a_real_small_disk(machine: Machine, small_disk: Path) -> None:
    machine.link("df")
    complaints = machine.complaints(f"--disk=1:{small_disk}/isaac", f"--disk=0:{machine.root}")
    assert ("needed", f"0 GB are free on the disk of '{small_disk}/isaac', 1 GB are needed") in [
        (kind, text.partition(";")[0]) for kind, text in complaints
    ]
    assert list(small_disk.iterdir()) == []
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    machine.change({"df": df()})
    complaints = machine.complaints(f"--disk=1:{small_disk}/isaac")
    only(complaints, "needed", f"cannot write in '{small_disk}' (Read-only file system)")


def test_tools(machine: Machine) -> None:
    """All in one complaint, each program and each package once; what cannot be looked at is not complained about."""
    for name in ("stat", "df", "mktemp", "timeout", "getent"):
        machine.change({name: None})
    named = [f"--tool={name}" for name in ("curl", "git-lfs", "sha256sum", "flock", "bash", "curl", "stat")]
    text = only(machine.complaints(*named, "--disk=9:/", "--host=a.bad"), "needed")
    assert text == (
        "not on PATH: df getent mktemp stat timeout curl git-lfs sha256sum flock; install what brings them:"
        " sudo apt install coreutils libc-bin curl git-lfs util-linux"
    )


def test_hosts(machine: Machine) -> None:
    """All that fail in one complaint; behind a proxy it is not this machine that looks them up."""
    hosts = ["--host=one.bad", "--host=a.good", "--host=two.bad"]
    text = only(machine.complaints(*hosts), "needed")
    assert text.startswith("these names do not resolve: 'one.bad', 'two.bad'; check the connection")
    limited = 'case "$*" in "--kill-after=1 10 getent "*) exit 124 ;; esac\nshift 2\nexec "$@"\n'
    machine.change({"timeout": limited})
    only(machine.complaints("--host=a.good"), "needed", "'a.good'")
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        assert machine.complaints(*hosts, **{name: "http://192.0.2.1:3128"}) == []


def test_everything_at_once(machine: Machine) -> None:
    machine.change(
        {
            "uname": WSL.replace("x86_64", "aarch64"),
            "getconf": "echo glibc 2.31",
            "OS_RELEASE": RELEASE.format("Ubuntu 20.04", "ubuntu", "20.04"),
            "MEMINFO": "MemTotal: 8000000 kB\n",
            "nvidia-smi": smi("NVIDIA GeForce GTX 1060, 535.183.01, 6144"),
            "ldconfig": ldconfig(),
            "df": df(1, 1000, 10),
        }
    )
    rows = machine.rows(
        "--disk=60:/proc/isaac", "--tool=no-such-tool", "--host=a.bad", "--isaac-path=/a b", before="ulimit -n 1024"
    )
    said = [(kind, name, " ".join(what.split()[:4])) for kind, name, what, _ in rows]
    assert said == [
        ("needed", "wrong-platform", "this machine is 'aarch64',"),
        ("recommended", "wsl2-unsupported", "this is WSL2, where"),
        ("needed", "glibc-too-old", "glibc is 2.31, Isaac"),
        ("recommended", "untested-os", "this system is 'Ubuntu"),
        ("needed", "driver-below-minimum", "the NVIDIA driver is"),
        ("recommended", "gpu-without-rt-cores", "GPU 'NVIDIA GeForce GTX"),
        ("recommended", "little-gpu-memory", "GPU 'NVIDIA GeForce GTX"),
        ("recommended", "missing-system-lib", "the renderer of Isaac"),
        ("recommended", "vulkan-incompatible-driver", "the NVIDIA driver 535.183.01"),
        ("recommended", "little-memory", "this machine has 7.6"),
        ("recommended", "too-many-open-files", "a process may open"),
        ("needed", "isaac-path-with-space", "Isaac Sim's own python.sh"),
        ("needed", "folder-not-writable", "cannot write in '/proc'"),
        ("needed", "disk-full-install", "1 GB are free"),
        ("needed", "few-inodes", "10 more files fit"),
        ("needed", "missing-tools", "not on PATH: no-such-tool"),
        ("needed", "names-do-not-resolve", "these names do not"),
    ]


def test_odd_paths(machine: Machine) -> None:
    """Brackets, quotes, blanks and a line break in a path are a path, and a complaint stays one line."""
    machine.change({"df": df(1)})
    folder = machine.root / "a] $(touch x) 'é\n\tb"
    folder.mkdir()
    complaints = machine.complaints(f"--disk=2:{folder}", f"--disk=3:{folder}/new")
    only(complaints, "needed", "a] $(touch x) 'é  b' and '", "5 GB are needed")
    assert list(folder.iterdir()) == []
    only(machine.complaints("--disk=2:.isaac/x"), "needed", "'.isaac/x'")


@pytest.mark.parametrize("argument", ["--disc=1:/", "--disk=/", "--disk=x:/", "--disk=1:", "--disk=-1:/", "preflight"])
def test_wrong_arguments(machine: Machine, argument: str) -> None:
    done = machine.run(argument)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"setup: .*; see the head of scripts/setup/preflight.sh\n", done.stderr)
    assert f"'{argument}'" in done.stderr
