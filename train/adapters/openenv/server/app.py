"""The server: `uvicorn server.app:app` in the folder above, or `python -m ttc_market_env.server.app`."""

import argparse

from openenv.core.env_server.http_server import create_app

try:
    from ..models import MarketAction, MarketObservation
    from .environment import MarketEnvironment
except ImportError:  # OpenEnv also starts a server from inside its folder
    from models import MarketAction, MarketObservation
    from server.environment import MarketEnvironment

app = create_app(MarketEnvironment, MarketAction, MarketObservation, env_name="ttc_market", max_concurrent_envs=64)


def main(host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until stopped."""
    import uvicorn

    uvicorn.run(app, host=host, port=port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    main(**vars(parser.parse_args()))
