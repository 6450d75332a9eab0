"""What helps where a sandbox does not start, by isolation. Words only: nothing is looked at.

Called by `choosing` with what the sandbox said before it gave up.
"""

from __future__ import annotations

import os

from grader.records import Text
from grader.sandbox.types import Isolation

UNREADABLE = Text(
    ko="샌드박스 사용자가 파이썬 환경을 읽을 수 없어요. `chmod -R o+rX`로 읽기 권한을 주세요.",
    en="The sandbox's user can't read the Python environment: give it leave with `chmod -R o+rX`.",
)


def remedy(isolation: Isolation, said: str) -> Text:
    """What to do about `said`, the last words (stderr) of a sandbox that ran nothing."""
    if isolation.name == "container":
        return _engine(said, isolation.engine)
    return _landlock(said) if isolation.name == "landlock" else _bubblewrap(said)


def _bubblewrap(said: str) -> Text:
    if any(sign in said for sign in ("uid map", "RTM_NEWADDR", "namespace", "Operation not permitted")):
        return Text(
            ko="이 시스템이 사용자 네임스페이스를 막고 있어요. Ubuntu 23.10 이상이면 AppArmor 프로필 "
            "bwrap-userns-restrict를 켜고(`sudo apt install apparmor-profiles`), "
            "컨테이너 안이라면 밖에서 실행해 주세요.",
            en="This system refuses user namespaces. On Ubuntu 23.10 or later enable the AppArmor profile "
            "bwrap-userns-restrict (`sudo apt install apparmor-profiles`); "
            "inside a container, run it outside.",
        )
    if "Permission denied" in said:
        return UNREADABLE
    return Text(
        ko="bubblewrap과 커널 설정을 확인해 주세요.", en="Look at bubblewrap and the kernel's settings."
    )


def _landlock(said: str) -> Text:
    """`confine` says what failed: a call of Landlock's, the filter, mounts, or the program itself."""
    if "landlock_" in said:
        return Text(
            ko="커널이 Landlock 규칙을 받지 않아요. `/sys/kernel/security/lsm`에 landlock이 없으면 "
            "부팅 옵션 `lsm=`에 더하고, 컨테이너 안이라면 밖에서 실행해 주세요.",
            en="The kernel does not take Landlock's rules. If /sys/kernel/security/lsm doesn't list it, "
            "add landlock to the boot option `lsm=`; inside a container, run it outside.",
        )
    if "mount " in said:
        return Text(
            ko="root인데도 마운트를 바꿀 수 없어요. 컨테이너 안이라면 밖에서 실행하거나 "
            "CAP_SYS_ADMIN을 주세요. `--isolation container`나 `--no-run`도 쓸 수 있어요.",
            en="Even root may not change mounts here. Inside a container, run it outside or grant "
            "CAP_SYS_ADMIN; or use `--isolation container`, or `--no-run`.",
        )
    if "seccomp" in said or "no_new_privs" in said:
        return Text(
            ko="이 커널이나 컨테이너가 시스템 콜 필터(seccomp)를 막고 있어요. 컨테이너 밖에서 실행해 주세요.",
            en="This kernel or container refuses the system-call filter (seccomp). "
            "Run it outside a container.",
        )
    if "Permission denied" in said:
        return UNREADABLE
    return Text(
        ko="Landlock과 커널 설정을 확인해 주세요. `--isolation container`나 `--no-run`도 쓸 수 있어요.",
        en="Look at Landlock and the kernel's settings, or use `--isolation container`, or `--no-run`.",
    )


def _engine(said: str, engine: str) -> Text:
    if "subuid" in said or "newuidmap" in said or "no user mapping" in said:
        name = os.environ.get("USER", "USER")
        command = f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"
        return Text(
            ko=f"루트리스 podman에는 하위 사용자 번호가 필요해요: `sudo apt install uidmap`, `{command}`",
            en=f"Rootless podman needs subordinate user numbers: `sudo apt install uidmap`, `{command}`.",
        )
    if "hybrid" in said:
        return Text(
            ko="crun은 이 시스템의 cgroup에서 작동하지 않아요. "
            "`sudo apt install runc`로 runc를 설치해 주세요.",
            en="crun does not work with this system's control groups. Install runc: `sudo apt install runc`.",
        )
    if "permission denied" in said.lower() and engine == "docker":
        return Text(
            ko="docker를 쓸 권한이 없어요. root나 docker 그룹의 사용자로 실행하거나 podman을 설치해 주세요.",
            en="You may not use docker. Run as root or in the group docker, or install podman.",
        )
    return Text(ko=f"{engine} 설정을 확인해 주세요.", en=f"Look at {engine}'s settings.")
