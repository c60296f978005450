"""The stand-in base image: Debian in the place of the official nginx, where no registry answers.

It has what the official slim image has and no more. Its `apk` accepts the names that the
Dockerfile asks for, so the Dockerfile is the same file on both.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

from dev import Problem, packages, say
from dev.packages import Need

NAME = "nginx-python3-standin"

# The Debian release whose nginx and Python are those of the official image.
SUITE = "forky"
MIRROR = "http://deb.debian.org/debian"

# The host's certificates, for a build to trust what the host trusts. They lie where Debian's own
# bundle takes them up, since a package that brings this bundle would replace them there.
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
TAKEN_UP = Path("/usr/local/share/ca-certificates/host.crt")

APK = """\
#!/bin/sh
# The commands of Alpine's apk that the Dockerfile uses, by Debian's packages; all else is refused.
set -eu
refuse() { echo "apk: $* is not known to this stand-in" >&2; exit 1; }

case "${1-}" in
    upgrade) exit 0 ;;
    add) shift ;;
    *) refuse "${1-nothing}" ;;
esac
names=
for word; do
    case "$word" in
        --no-cache) ;;
        python3) names="$names python3 python3-venv @library" ;;
        gcc) names="$names gcc" ;;
        musl-dev) names="$names libc6-dev libcrypt-dev" ;;
        build-base) names="$names gcc g++ make libc6-dev libcrypt-dev" ;;
        linux-headers) names="$names linux-libc-dev" ;;
        python3-dev) names="$names python3-dev" ;;
        *) refuse "$word" ;;
    esac
done
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# Alpine's python3 has the shared library too; here its package is named after the version.
library=lib$(apt-cache depends python3 | grep -om1 'python3[.][0-9]*')
names=$(echo "$names" | sed "s/@library/$library/")
apt-get -qq -o Dpkg::Use-Pty=0 install --yes --no-install-recommends $names
find /var/lib/apt/lists /var/cache /var/log -type f -delete
"""

ENTRYPOINT = """\
#!/bin/sh
exec "$@"
"""

# Before any package can take the ids that the official image gives to nginx.
USER = """\
#!/bin/sh -eu
! grep ":101:" "$1/etc/passwd" "$1/etc/group"
echo 'nginx:x:101:' >> "$1/etc/group"
echo 'nginx:x:101:101:nginx:/var/cache/nginx:/sbin/nologin' >> "$1/etc/passwd"
echo 'nginx:!:20000::::::' >> "$1/etc/shadow"
"""

# As in the official image: the logs are the container's. Lists and caches are of no use.
TIDY = """\
#!/bin/sh -eu
chmod 755 "$1/usr/sbin/apk" "$1/docker-entrypoint.sh"
ln -sf /dev/stdout "$1/var/log/nginx/access.log"
ln -sf /dev/stderr "$1/var/log/nginx/error.log"
install -d -o 101 -g 101 "$1/var/cache/nginx"
find "$1/var/cache" "$1/var/lib/apt/lists" -type f -delete
"""

METADATA = """\
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]
EXPOSE 80
STOPSIGNAL SIGQUIT
"""


def ensure() -> str:
    """Give the stand-in's name, and make it first unless it was made from this very recipe."""
    recipe = Path(__file__).read_bytes() + (TRUSTED.read_bytes() if TRUSTED.exists() else b"")
    digest = hashlib.sha256(recipe).hexdigest()[:12]
    name = f"{NAME}:{digest}"
    if not present(name):
        tool = packages.find("mmdebstrap") is not None
        packages.ensure([Need("mmdebstrap", tool, ("mmdebstrap", "debian-archive-keyring"))])
        say(f"making the stand-in base image {name} from Debian {SUITE}")
        make(name, f"{NAME}-root:{digest}")
    return name


def present(name: str) -> bool:
    """Tell whether the engine has this image."""
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0


def make(name: str, root: str) -> None:
    """Make the image from a root, since `docker import` cannot set all that a base sets."""
    recipe = f"FROM {root}\n{METADATA}{trust()}"
    try:
        load(root)
        build = ["docker", "build", "--quiet", "--tag", name, "-"]
        subprocess.run(build, input=recipe.encode(), stdout=subprocess.DEVNULL, check=True)
    except subprocess.CalledProcessError as error:
        raise Problem(f"the stand-in base image was not made: {error}") from None
    finally:
        subprocess.run(["docker", "image", "rm", root], capture_output=True)


def load(name: str) -> None:
    """Pipe a root from mmdebstrap into docker; the image counts only if both succeed."""
    with tempfile.TemporaryDirectory() as folder:
        command = mmdebstrap(Path(folder))
        with subprocess.Popen(command, stdout=subprocess.PIPE) as root:
            load = ["docker", "import", "-", name]
            subprocess.run(load, stdin=root.stdout, stdout=subprocess.DEVNULL, check=True)
    if root.returncode:
        raise subprocess.CalledProcessError(root.returncode, "mmdebstrap")


def trust() -> str:
    """Point pip and Python to the host's certificates, where the host has any."""
    return f"ENV SSL_CERT_FILE={TAKEN_UP} PIP_CERT={TAKEN_UP}\n" if TRUSTED.exists() else ""


def mmdebstrap(folder: Path) -> list[str]:
    """Build the command that writes the root, as a tar archive, to its stdout."""
    for name, text in (("apk", APK), ("entrypoint", ENTRYPOINT), ("user", USER), ("tidy", TIDY)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    uploads = [(folder / "apk", "/usr/sbin/apk"), (folder / "entrypoint", "/docker-entrypoint.sh")]
    if TRUSTED.exists():
        uploads.append((TRUSTED, str(TAKEN_UP)))
    return [
        "mmdebstrap", "--quiet", "--variant=apt", "--include=nginx",
        # A mirror's copy may be older than the date until which it calls itself valid.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man")),
        f"--essential-hook={folder}/user",
        f'--customize-hook=mkdir -p "$1{TAKEN_UP.parent}"',
        *(f"--customize-hook=upload {path} {place}" for path, place in uploads),
        f"--customize-hook={folder}/tidy",
        SUITE, "-", MIRROR,
    ]  # fmt: skip
