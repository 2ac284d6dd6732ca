"""Nothing leaves the computer: every kind of work in a network namespace whose packets are counted.

The namespace has only a loopback device, which also takes what is meant for any other host: so a look-up of a name, which
native libraries do without Python, is sent and seen by the kernel's counters.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core import paths
from tests.conftest import PROJECT

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's"),
    pytest.mark.skipif(not paths.BUNDLED_PERFORMERS.is_dir(), reason="the bundled performers are not here"),
]

_COUNTED = (
    "import fcntl, socket, struct, sys\n"
    "from pathlib import Path\n"
    "with socket.socket() as control:\n"
    "    address = lambda a: struct.pack('=HH4s8x', socket.AF_INET, 0, socket.inet_aton(a))\n"
    # SIOCSIFFLAGS: loopback up and running; SIOCADDRT: everything else goes there as well
    "    fcntl.ioctl(control, 0x8914, struct.pack('16sh14x', b'lo', 0x41))\n"
    "    device = __import__('ctypes').create_string_buffer(b'lo')\n"
    "    where = __import__('ctypes').addressof(device)\n"
    "    route = struct.pack('@L16s16s16sHhLLhPLLH', 0, *map(address, ['0.0.0.0'] * 3), 1, 0, 0, 0, 0, where, 0, 0, 0)\n"
    "    fcntl.ioctl(control, 0x890B, route)\n"
    "def sent():\n"
    "    lines = [line.split() for line in Path('/proc/net/snmp').read_text().splitlines()]\n"
    "    tables = {a[0]: dict(zip(a[1:], b[1:])) for a, b in zip(lines[::2], lines[1::2])}\n"
    "    more = dict(line.split() for line in Path('/proc/net/snmp6').read_text().splitlines())\n"
    "    named = int(tables['Udp:']['OutDatagrams']) + int(more.get('Udp6OutDatagrams', 0))\n"
    "    return named, int(tables['Tcp:']['ActiveOpens'])\n"
    "before = sent()\n"
)
_SAID = "\nprint('SENT', *(after - first for after, first in zip(sent(), before)))\n"

_RUN_CLI = "import subprocess\nsubprocess.run([sys.executable, '-m', 'core', *{}], check=True)\n"

_WORKS = {
    "transfer": _RUN_CLI.format(
        ["transfer", "june-sway", "--target", "theo", "--end", "0.6", "--output", "out.mp4", "--report", "report.json"]
    ),
    "live": (
        "from core.generators.registry import create_generator\n"
        "from core.live.live_settings import LiveSettings\n"
        "from core.live.session import LiveSession\n"
        "from core.targets.store import load_target\n"
        "from tests.live.camera import dance_frames, feed_until\n"
        "shown = []\n"
        "target = load_target('theo')\n"
        "def cast(performer, generator):\n"
        "    return target, create_generator(generator, target)\n"
        "session = LiveSession(cast, LiveSettings('theo', 'realtime'), shown.append)\n"
        "feed_until(session, dance_frames(), lambda: any(s.asked is not None for s in shown))\n"
        "session.close()\n"
    ),
    "training": (
        "from core import paths\n"
        "from tests.puppets import make_puppet\n"
        "make_puppet(paths.user_performers())\n"
        + _RUN_CLI.format(
            ["train", "--target", "puppet", "--generator", "mlp-se", "--split", "all", "--epochs", "1", "--size", "64"]
        )
    ),
}


def sent_by(work: str, folder: Path) -> list[int]:
    """How many datagrams and connections the program sent or opened."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here: run the tests as root on a Linux with util-linux")
    done = subprocess.run(
        [unshare, "--net", sys.executable, "-c", _COUNTED + work + _SAID],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("SENT "))
    return [int(word) for word in line.split()[1:]]


def test_a_look_up_would_be_counted(tmp_path: Path) -> None:
    look_up = "try:\n    socket.getaddrinfo('example.org', 443)\nexcept OSError:\n    pass\n"
    connect = "try:\n    socket.create_connection(('192.0.2.1', 443), 1)\nexcept OSError:\n    pass\n"
    assert sent_by(look_up, tmp_path)[0] > 0
    assert sent_by(connect, tmp_path)[1] > 0


@pytest.mark.parametrize("work", _WORKS)
def test_nothing_is_sent(work: str, tmp_path: Path) -> None:
    assert sent_by(_WORKS[work], tmp_path) == [0, 0]
