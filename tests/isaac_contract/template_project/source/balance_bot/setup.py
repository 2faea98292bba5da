"""Installs the package; its metadata is that of the extension."""

from pathlib import Path

import toml
from setuptools import setup

HERE = Path(__file__).resolve().parent
PACKAGE = toml.load(HERE / "config" / "extension.toml")["package"]

setup(
    name="balance_bot",
    packages=["balance_bot"],
    author=PACKAGE["author"],
    maintainer=PACKAGE["maintainer"],
    url=PACKAGE["repository"],
    version=PACKAGE["version"],
    description=PACKAGE["description"],
    keywords=PACKAGE["keywords"],
    install_requires=["psutil"],
    license="Apache-2.0",
    include_package_data=True,
    python_requires=">=3.10",
    classifiers=[
        "Natural Language :: English",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Isaac Sim :: 4.5.0",
        "Isaac Sim :: 5.0.0",
        "Isaac Sim :: 5.1.0",
    ],
    zip_safe=False,
)
