"""The connection to a QPU by Ocean's own configuration, with errors that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qaml.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dimod

_SETUP = "run 'dwave setup' or set DWAVE_API_TOKEN; tokens never belong in a spec. Without a QPU: backend: whole_chain"


def open_qpu(solver: str | None) -> Any:
    """Ocean's DWaveSampler, with the token and the endpoint of its own configuration.

    Raises:
        PartError: no token, no such solver, or no connection.
    """
    from dwave.cloud import exceptions
    from dwave.system import DWaveSampler

    wanted = {} if solver is None else {"solver": solver}
    try:
        return DWaveSampler(**wanted)
    except exceptions.SolverNotFoundError as error:
        what = "there is no QPU" if solver is None else f"there is no QPU {solver!r}"
        raise PartError(f"{what} for this account: {_plain(error)}", "'dwave solvers --list' names them") from error
    except exceptions.SolverAuthenticationError as error:
        raise PartError("the QPU's cloud does not accept the token", _SETUP) from error
    except (ValueError, exceptions.ConfigFileError) as error:
        raise PartError(f"no way to a QPU: {_plain(error)}", _SETUP) from error
    except (exceptions.SolverError, OSError) as error:
        raise PartError(f"the QPU's cloud does not answer: {_plain(error)}", "try again later") from error


def call_qpu(
    sampler: dimod.Sampler, model: dimod.BinaryQuadraticModel, settings: Mapping[str, Any]
) -> tuple[dimod.SampleSet, float]:
    """Call the QPU; return samples and the access time in seconds.

    Raises:
        PartError: the connection was lost, or the QPU refused the problem.
    """
    from dwave.cloud import exceptions

    try:
        found = sampler.sample(model, **settings)
        found.resolve()
    except exceptions.SolverError as error:
        hint = "nothing is lost: run the same command again, training goes on from its last checkpoint"
        raise PartError(f"the QPU did not answer: {_plain(error)}", hint) from error
    except (OSError, TimeoutError) as error:
        hint = "nothing is lost: run the same command again, training goes on from its last checkpoint"
        raise PartError(f"the connection to the QPU was lost: {_plain(error)}", hint) from error
    microseconds = found.info.get("timing", {}).get("qpu_access_time", 0.0)
    return found, float(microseconds) / 1e6


def _plain(error: Exception) -> str:
    """The first line of an error; never a token: Ocean masks no token that a user wrote into an address."""
    text = str(error).strip().splitlines() or [type(error).__name__]
    return text[0][:200]
