"""The words for each way a notebook can end, in both languages.

Pure. Called by `driver`. The numbers stand beside what they limit.
"""

from __future__ import annotations

from grader.records import Ending, Limits, Text


def of_limit(ending: Ending, limits: Limits) -> Text | None:
    """Why a cell was stopped, or a notebook's worst cell where its kernel lived to the end."""
    if ending is Ending.CELL_TIMEOUT:
        return Text(
            ko=f"한 셀이 제한 시간({limits.cell_seconds:.0f}초)을 넘어서 그 셀을 멈췄습니다.",
            en=f"A cell took more than {limits.cell_seconds:.0f} s and was interrupted.",
        )
    if ending is Ending.OUTPUT_FLOOD:
        return Text(
            ko=f"셀의 출력이 한도({limits.output_bytes_per_cell / 1e6:.0f} MB)를 넘어서 그 셀을 멈췄습니다.",
            en=f"A cell printed more than {limits.output_bytes_per_cell / 1e6:.0f} MB and was interrupted.",
        )
    if ending is Ending.OUT_OF_MEMORY:
        return Text(
            ko=f"메모리 한도({limits.memory_mb} MB)가 모자라 멈춘 셀이 있습니다.",
            en=f"A cell ran out of memory (limit {limits.memory_mb} MB).",
        )
    if ending is Ending.CELL_ERROR:
        return Text(ko="오류로 끝난 셀이 있습니다.", en="A cell ended with an error.")
    return None


def ignored_interrupt(ending: Ending, limits: Limits) -> Text:
    """A cell was told to stop and went on."""
    first = of_limit(ending, limits)
    return Text(
        ko=f"{first.ko} 그래도 끝나지 않아서 커널을 종료했습니다. 뒤의 셀은 실행하지 않았습니다.",
        en=f"{first.en} It went on, so the kernel was killed; later cells were not run.",
    )


def total_timeout(limits: Limits) -> Text:
    """The whole notebook took too long."""
    return Text(
        ko=f"노트북 전체가 제한 시간({limits.total_seconds:.0f}초)을 넘어서 종료했습니다.",
        en=f"The notebook took more than {limits.total_seconds:.0f} s in all and was ended.",
    )


def flood(limits: Limits) -> Text:
    """All cells together printed too much."""
    return Text(
        ko=f"노트북 전체의 출력이 한도({limits.output_bytes / 1e6:.0f} MB)를 넘어서 종료했습니다.",
        en=f"The notebook printed more than {limits.output_bytes / 1e6:.0f} MB in all and was ended.",
    )


def message_too_large(limits: Limits) -> Text:
    """One message was larger than ZeroMQ may take: one giant output, or prints faster than they are sent."""
    return Text(
        ko=f"한 번에 보낸 출력이 한도({limits.message_bytes / 1e6:.0f} MB)를 넘어서 종료했습니다.",
        en=f"Output sent at one go was over {limits.message_bytes / 1e6:.0f} MB; the kernel was killed.",
    )


def died(code: int) -> Text:
    """The kernel's process ended by itself."""
    return Text(
        ko=f"커널이 스스로 종료됐습니다(종료 코드 {code}). 그 뒤의 셀은 실행하지 못했습니다.",
        en=f"The kernel died (exit code {code}); the cells after it could not be run.",
    )


def cpu_spent(seconds: int) -> Text:
    """The kernel's own watchdog (RLIMIT_CPU) killed it."""
    return Text(
        ko=f"커널이 CPU 시간 한도({seconds}초)를 다 써서 종료됐습니다. 그 뒤의 셀은 실행하지 못했습니다.",
        en=f"The kernel used up its CPU time ({seconds} s) and was killed; the cells after it were not run.",
    )


def startup_failed(why: str) -> Text:
    """Our own preparation failed: not the student's doing."""
    return Text(
        ko=f"채점기의 준비 코드가 커널 안에서 실패했습니다({why}). 학생의 잘못이 아닙니다.",
        en=f"The grader's own preparation failed inside the kernel ({why}); not the student's doing.",
    )
