# What nginx.org publishes, with nothing but nginx in it. Alpine is named too: its next release may
# bring another Python. BASE is for a mirror or a digest.
ARG BASE=nginx:1.30-alpine3.24-slim

# uWSGI is built here, so that the image itself needs no compiler.
FROM ${BASE} AS build
# Alpine deletes old packages, so that pinned versions would break the build.
# hadolint ignore=DL3018
RUN apk add --no-cache gcc linux-headers musl-dev python3 python3-dev
# Only the Python plugin: half the size and less to attack.
ENV UWSGI_PROFILE_OVERRIDE="xml=false;yaml=false;json=false;ssl=false;pcre=false;routing=false" \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements.txt ./
# Two environments (stack/machine/venvs.py): ours, and on top of it the application's, which has the only pip.
# Of ours, tests go, and byte code says what it was made from by a hash, not by a time. Of pip, byte
# code goes, which is half of it, and launchers for Windows. uWSGI is linked without symbols, in which
# its folder would be, and writes a date into itself: always the same.
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m venv /opt/venv-app \
 && SOURCE_DATE_EPOCH=315532800 LDFLAGS=-s /opt/venv-app/bin/pip --python /opt/venv install \
        --no-cache-dir --no-compile --require-hashes -r requirements.txt \
 && find /opt/venv-app \( -name __pycache__ -o -name '*.exe' \) -prune -exec rm -rf {} + \
 && find /opt/venv/lib \( -name tests -o -name README.md \) -prune -exec rm -rf {} + \
 && /opt/venv/bin/python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib \
 && /opt/venv/bin/uwsgi --version \
 && ls -d /opt/venv/lib/python3.*/site-packages > "$(echo /opt/venv-app/lib/python3.*/site-packages)/base.pth"
# /opt/venv-app/bin/flask must run with what is installed in /opt/venv-app.
COPY stack/machine/scripts.py ./
RUN python3 scripts.py applications /opt/venv /opt/venv-app
# What the application in this tree needs, if it says so: COPY wants at least one file that exists.
COPY supervisord.conf app/*.txt app/
RUN if [ -e app/requirements.txt ]; then \
        /opt/venv-app/bin/pip install --no-cache-dir -r app/requirements.txt; \
    fi

FROM ${BASE}
# Nobody becomes another user here, and everybody writes to /tmp and, below, /srv/run alone.
# hadolint ignore=DL3018
RUN apk add --no-cache python3 \
 && find / -xdev -type f -perm /6000 -exec chmod ug-s {} + \
 && find / -xdev ! -type l ! -path /tmp -perm -2 -exec chmod o-w {} +
# Outside /srv, so that mounting an application never hides them. The application's belongs to the
# user of the image, so that `RUN pip install` works as one would write it; ours does not.
COPY --from=build /opt/venv /opt/venv
COPY --from=build --chown=101:101 /opt/venv-app /opt/venv-app
# First what root owns: the application's user can change the rest, and root may be who calls a program
# (docker exec --user 0). The application's own processes find its programs first (stack/application/environment.py).
ENV PATH=/usr/local/bin:$PATH:/opt/venv-app/bin \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# /srv mirrors the repository: every path in every file is relative to it.
WORKDIR /srv
# The only folder that is written. Any user may be given with --user, and a tmpfs takes this mode.
# It is root's, so that nobody takes away from root what a `check` of root's tests there.
RUN install -d -m 1777 run
COPY entrypoint.py supervisord.conf ./
COPY conf conf
COPY stack stack
COPY app app
# So that `docker exec NAME reload` does. Nobody may write byte code at run time: it is made now,
# and compared with its source by content, since times change when an image is built or copied.
RUN /opt/venv/bin/python3 -m compileall -q --invalidation-mode checked-hash entrypoint.py stack app \
 && /opt/venv/bin/python3 -m stack.machine.scripts own /srv /usr/local/bin alive app check healthy reload status version \
 && /opt/venv/bin/python3 -m stack.machine.scripts others /usr/local/bin /opt/venv-app \
 && ln -s /opt/venv/bin/uwsgi /usr/local/bin/
# Which commit this is; so far down, so that nothing else is built anew for it.
ARG REVISION=unknown
RUN echo "${REVISION}" > revision
# `make image` adds what it knows of version, source and base.
LABEL org.opencontainers.image.title="nginx-python3" \
      org.opencontainers.image.description="A Flask application behind nginx and uWSGI, for listed addresses only" \
      org.opencontainers.image.licenses="MIT" \
      maintainer="see org.opencontainers.image.source"

# nginx, by number: Kubernetes wants to see that it is not root.
USER 101:101
EXPOSE 80 443
# What the base sets, QUIT, would do as well; say what is meant.
STOPSIGNAL SIGTERM
# Asks the application, through nginx, where ALLOWED does not rule.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["/opt/venv/bin/python3", "-S", "-E", "-s", "/srv/entrypoint.py", "healthy"]
ENTRYPOINT ["/opt/venv/bin/python3", "-E", "-s", "/srv/entrypoint.py"]
CMD []
