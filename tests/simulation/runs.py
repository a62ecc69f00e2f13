"""One run: a scenario, a script of faults, and what the oracle says of it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.boundaries import Effect, Fault, Script, as_text
from tests.simulation.host import Host, NeverAtRestError
from tests.simulation.oracle import problems
from tests.simulation.world import Tampering, World

OFFER = "an-offer"

type Story = Callable[[Host], None]


@dataclass(frozen=True)
class Run:
    """What happened, and what is wrong with it."""

    world: World
    problems: list[str]

    @property
    def effects(self) -> list[Effect]:
        """Every effect, in order."""
        return self.world.boundaries.effects


def run(story: Story, script: Script | None = None, tampering: Tampering | None = None) -> Run:
    """Play a story to its end under a script of faults."""
    host = Host(World(script, tampering=tampering))
    story(host)
    return at_rest(host)


def at_rest(host: Host) -> Run:
    """Let everything happen that is still to come."""
    try:
        host.run()
    except NeverAtRestError as error:
        return Run(host.world, [str(error)])
    return Run(host.world, problems(host.world))


def story_of(scenario: str, **knobs: object) -> Story:
    """One request, a second after its offer came to life in a scenario."""

    def story(host: Host) -> None:
        host.world.portal.create_offer(OFFER, scenario, **knobs)
        host.ask(OFFER, at=1.0)

    return story


def script_of(faults: str) -> dict[int, Fault]:
    """The script that a failed test has printed."""
    pairs = (each.split() for each in faults.split(",") if each.strip())
    return {int(number): Fault(fault) for number, fault in pairs}


def told(script: Script) -> str:
    """A script as a failed test prints it."""
    return ", ".join(f"{number} {fault}" for number, fault in sorted(script.items()))


def failure(name: str, script: Script, run: Run) -> str:
    """All that is needed to understand a failed run, and to have it again."""
    found = "\n".join(run.problems)
    return f'replay("{name}", "{told(script)}")\n{found}\n{as_text(run.effects)}'
