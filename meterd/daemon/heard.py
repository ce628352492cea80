"""What lines of meters that begin by themselves have in common: their devices, and who waits for one of them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Reading
    from ..sinks.hub import Hub
    from .job import Job


class Heard:
    """`jobs` of the devices that are heard here, the same `by_alias`."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.jobs: list[Job] = []
        self.by_alias: dict[str, Job] = {}

    def publish(self, reading: Reading) -> None:
        """To the sinks, and to whoever asked for the device."""
        self.hub.publish(reading)
        job = self.by_alias.get(reading.signal.device_alias)
        for asker in job.askers if job is not None else ():
            asker.accept(reading)

    def is_asked(self) -> bool:
        """Whether somebody waits for one of the devices."""
        return any(job.askers for job in self.jobs)

    def secrets(self) -> set[bytes]:
        """What no trace of this line may show."""
        return {secret for job in self.jobs for secret in job.plan.secrets}
