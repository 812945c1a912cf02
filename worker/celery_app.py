"""The Celery application: a reason for each setting, and what happens when a worker starts and stops.

Our own record is the truth; Celery's message is a wake-up hint that may come twice, late or never.
"""

from __future__ import annotations

import logging
import os
from typing import Any, NoReturn

import torch
from celery import Celery, signals
from kombu import Queue

from app import logs
from app.jobs.queue import QUEUE, TRIES_QUEUE, broker_url
from app.process import keep_private
from app.settings import load_settings
from worker import broker
from worker.job.ending import REDIS_PATIENCE_S
from worker.machine import devices, process, temporary
from worker.machine.memory import memory_for_a_job
from worker.machine.watchdog import Overseer
from worker.reconcile import Housekeeping

SETTINGS = load_settings()
REDIS_URL = SETTINGS.redis_url or "redis://127.0.0.1:6379/0"

# A lease that nobody renews runs out, and others may take the job; a pause as long again is no pause any more.
STANDSTILL_S = 2 * SETTINGS.lease_s
LAST_WAIT_S = int(2 * REDIS_PATIENCE_S)
# Longer than any job, or Redis hands the message to a second worker while the first still paints.
VISIBILITY_S = 2 * SETTINGS.job_time_limit_s + 3600

broker.install()
app = Celery("atelier", broker=broker_url(REDIS_URL), include=["worker.tasks"])
app.conf.update(
    task_default_queue=QUEUE,
    task_queues=[Queue(QUEUE), Queue(TRIES_QUEUE)],
    # A killed child's message comes back instead of vanishing with it.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # One message at a time: the rest stays in Redis, where other workers see it.
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    # In all three places that Celery's documentation names: the shortest among a broker's users would win.
    visibility_timeout=VISIBILITY_S,
    result_backend_transport_options={"visibility_timeout": VISIBILITY_S},
    broker_transport_options={
        "visibility_timeout": VISIBILITY_S,
        # By their names, so that no try is begun while a job waits.
        "queue_order_strategy": "sorted",
        # How often overdue messages are looked for; the default takes minutes more.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # None, because the transport's own blocking pop waits longer than redis-py 8's default of 5 s.
        "socket_timeout": None,
        "socket_connect_timeout": 5,
        "retry_on_timeout": True,
    },
    # With True, a Redis restart kills the running job, which is then lost for good (tested by others on Redis).
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # State is in our record; a second truth in Celery's results would drift.
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    # JSON only: a pickle from whoever can write to Redis would be code execution.
    task_serializer="json",
    accept_content=["json"],
    # The painting checks its own deadline first, and then may wait for Redis to note its end; these end what hangs
    # inside one evaluation (prefork only).
    task_soft_time_limit=SETTINGS.job_time_limit_s + LAST_WAIT_S,
    task_time_limit=SETTINGS.job_time_limit_s + LAST_WAIT_S + 60,
    # SIGTERM is the way to stop: Celery tells us at once and waits for the painting, which hands its job back. Its soft
    # shutdown (SIGQUIT) sleeps all of its time before it tells anybody, so the painting would only be cut off later.
    worker_soft_shutdown_timeout=0,
    # A worker waits for Redis as long as it takes.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_hijack_root_logger=False,
    # Whoever can write to Redis could stop, time-limit or empty workers; nobody here commands them that way.
    worker_enable_remote_control=False,
    # Nobody watches remote-control events; less chatter and fewer paths to reconnect.
    worker_send_task_events=False,
    task_send_sent_event=False,
)

_housekeeping: Housekeeping | None = None
_device = devices.Device("cpu")
log = logging.getLogger(__name__)


def device() -> devices.Device:
    """What this worker's children compute on, as it was chosen when the worker started."""
    return _device


@signals.worker_init.connect
def on_start(**_: Any) -> None:
    global _device
    on_logging()  # Celery sets logs up later
    keep_private(SETTINGS.data)
    temporary.take()
    try:
        _device = devices.choose_apart(SETTINGS.device)
    except devices.DeviceUnavailableError as error:
        raise SystemExit(f"atelier: {error}") from error
    log.info("painting on %s", _device.name)


@signals.worker_ready.connect
def on_ready(sender: Any, **_: Any) -> None:
    global _housekeeping
    memory_bytes = memory_for_a_job(SETTINGS, _device)
    _housekeeping = Housekeeping(SETTINGS, REDIS_URL, str(sender.hostname), memory_bytes)
    _housekeeping.start()
    Overseer(STANDSTILL_S, on_unkillable).start()


def on_unkillable() -> None:
    """The child is held by the system, so that neither another can take its place nor this worker end in peace."""
    log.critical("The painting process cannot be ended, not even by force: look after the machine. This worker ends.")
    if _housekeeping:
        _housekeeping.stop()
    _exit(process.EXIT_DEVICE_LOST)


@signals.worker_shutting_down.connect
def on_shutting_down(**_: Any) -> None:
    process.note_stopping()


@signals.worker_shutdown.connect
def on_shutdown(**_: Any) -> None:
    if _housekeeping:
        _housekeeping.stop()
    # The pool and the connections are closed by now. Taking the interpreter apart with torch in it needs a second or
    # two more, of the few that a worker is given to stop.
    if process.is_device_lost():
        log.critical(
            "This worker has ended because it lost %s: look after the machine, then start it again.", _device.name
        )
    _exit(process.EXIT_DEVICE_LOST if process.is_device_lost() else 0)


def _exit(code: int) -> NoReturn:
    temporary.leave()
    logging.shutdown()
    os._exit(code)


@signals.worker_process_init.connect
def on_child(**_: Any) -> None:
    # In the child: threads and devices that the parent had touched would be broken here.
    process.keep_beating()
    temporary.take()
    if SETTINGS.threads:
        torch.set_num_threads(SETTINGS.threads)


@signals.setup_logging.connect
def on_logging(**_: Any) -> None:
    logs.set_up(SETTINGS.log_level)
