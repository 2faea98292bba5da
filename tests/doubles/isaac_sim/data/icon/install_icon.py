"""Stand-in: writes the desktop file, as the real one only where the user's folder for them is there."""

from pathlib import Path

file = Path("~/.local/share/applications/IsaacSim.desktop").expanduser()
launcher = Path(__file__).resolve().parents[2] / "isaac-sim.sh"
if file.parent.exists():
    print(f"Writing Isaac Sim icon file to {file}")
    file.write_text(f"[Desktop Entry]\nVersion=1.0\nName=Isaac Sim\nType=Application\nExec={launcher}\n")
