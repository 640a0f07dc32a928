"""The product on a real cluster: it becomes Ready, crawls, imports, answers, is upgraded; pods are killed, restarted, drained."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gis.synthetic import nam_tra_my_sheet
from tests.e2e_k8s import jobs, overlay, surroundings
from tests.e2e_k8s.conftest import MEASURED, PREVIOUS
from tests.e2e_k8s.kube import KUBECTL, NAMESPACE, OUTSIDE, apply, items, kubectl, pods, rolled_out, wait

pytestmark = pytest.mark.e2e

READS = (
    "/v1/situation",
    "/v1/articles?page_size=20",
    "/v1/articles:summarize",
    "/v1/parcels?page_size=20",
    "/v1/model",
)
STORES = ("nats", "postgres", "elasticsearch")
AREAS = 5
COMPONENT = "app.kubernetes.io/component"


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where volumes lie that the cluster does not make."""
    folder = tmp_path_factory.mktemp("volumes")
    for each in (folder, folder.parent, folder.parent.parent):  # the node looks into them as other users
        each.chmod(each.stat().st_mode | 0o055)
    return folder


@pytest.fixture(scope="module", params=["single-node", "cluster"])
def product(
    request: pytest.FixtureRequest, cluster: str, previous: str | None, texts: int, volumes: Path
) -> Iterator[str]:
    """The name of the overlay that runs; where there is a previous release, it is that one that begins."""
    name: str = request.param
    if previous:
        objects = overlay.objects(name, "previous", PREVIOUS / f"{name}.yaml")
    else:
        objects = overlay.objects(name, cluster)
    try:
        apply(*(each for each in objects if each["kind"] == "Namespace"))
        wait("account", lambda: "default" in kubectl("get", "sa", "-n", NAMESPACE, "-o", "name"))
        surroundings.make_secrets()
        surroundings.make_volumes(objects, str(volumes / name))
        start = time.monotonic()
        apply(*objects)
        rolled_out()
        MEASURED[f"{name}: seconds until every pod was Ready"] = round(time.monotonic() - start, 1)
        yield name
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--wait=true", "--timeout=900s", timeout_s=960)
        kubectl("delete", "pv", "-l", surroundings.MADE, "--wait=false", check=False)


def counts() -> dict[str, Any]:
    """What the product knows, in numbers that must not change by themselves."""
    situation = surroundings.ask("GET", "/v1/situation")
    return {
        "articles": int(surroundings.ask("GET", "/v1/articles?page_size=1")["total_count"]),
        "parcels": int(surroundings.ask("GET", "/v1/parcels?page_size=1")["total_count"]),
        "areas": [
            [
                each["area"]["name"],
                int(each["media"]["article_count"]),
                int(each["land"]["parcel_count"]),
                each["land"]["error_count"],
            ]
            for each in situation["areas"]
        ],
    }


def counts_again() -> dict[str, Any]:
    """The first counts that are answered: one part may find another one later than the pods are Ready."""
    found: dict[str, Any] = {}

    def answered() -> bool:
        with contextlib.suppress(AssertionError, KeyError):
            found.update(counts())
        return bool(found)

    wait("answers", answered)
    return found


class Load:
    """Calls go on in a pod outside from the start of a block to its end; then `found` says what became of them."""

    found: dict[str, Any]

    def __enter__(self) -> Load:
        script = ["/opt/ngoclinh/bin/python", "/scripts/client.py", "load", *READS]
        command = [KUBECTL, "exec", "-n", OUTSIDE, "client", "--", *script]
        self._calls = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._calls.stdout is not None
        assert self._calls.stdout.readline() == "begun\n"
        time.sleep(5)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            time.sleep(5)
            kubectl("exec", "-n", OUTSIDE, "client", "--", "touch", "/tmp/stop")
            told, _ = self._calls.communicate(timeout=300)
            self.found = json.loads(told)
        finally:
            self._calls.kill()
            self._calls.wait()


def test_it_crawls_imports_and_joins(product: str, texts: int, tmp_path: Path) -> None:
    sheet = nam_tra_my_sheet()
    file = tmp_path / "sheet.geojson"
    file.write_text(json.dumps(sheet.geojson(), ensure_ascii=False), "utf-8")
    kubectl("cp", "-n", OUTSIDE, str(file), "client:/tmp/sheet.geojson")
    query = f"file_name=sheet.geojson&options.as_of_date={sheet.context.as_of}"
    begun = surroundings.ask("POST", f"/v1/imports:upload?{query}", "/tmp/sheet.geojson")
    name = begun["name"]
    wait("import", lambda: surroundings.ask("GET", f"/v1/{name}")["state"] != "IMPORT_STATE_RUNNING")
    assert surroundings.ask("GET", f"/v1/{name}")["state"] == "IMPORT_STATE_COMMITTED"

    def crawled() -> bool:
        answer = surroundings.ask("GET", "/v1/articles:summarize?facets=ARTICLE_FACET_SENTIMENT")
        return sum(int(each["count"]) for each in answer["facets"][0]["buckets"] if each["value"]) >= texts

    MEASURED[f"{product}: seconds until {texts} texts were crawled and analysed"] = wait("crawl", crawled)
    found = counts()
    MEASURED[f"{product}: articles, parcels"] = [found["articles"], found["parcels"]]
    assert found["articles"] == texts
    assert found["parcels"] > 0
    assert len(found["areas"]) == AREAS
    assert any(articles and parcels for _, articles, parcels, _ in found["areas"]), "no commune has both halves"


def test_an_upgrade_keeps_everything(product: str, cluster: str, previous: str | None, volumes: Path) -> None:
    if previous is None:
        pytest.skip("no release before this one was built (tests/e2e_k8s/build-previous)")
    before, schemas = counts(), _migrations(product)
    objects = overlay.objects(product, cluster)
    surroundings.make_volumes(objects, str(volumes / product))
    stores = [each for each in objects if each["metadata"]["name"].startswith(STORES)]
    if stores:  # one pod each: a pause where they change
        start = time.monotonic()
        apply(*stores)
        rolled_out()
        counts_again()
        MEASURED[f"{product}: upgrade of the stores from {previous}: seconds"] = round(time.monotonic() - start, 1)
    with Load() as load:
        start = time.monotonic()
        apply(*objects)
        rolled_out()
        took = round(time.monotonic() - start, 1)
    MEASURED[f"{product}: upgrade from {previous}: seconds, calls, failed, migrations before and after"] = [
        took, load.found["calls"], len(load.found["failed"]), schemas, _migrations(product),
    ]  # fmt: skip
    assert counts_again() == before
    images = {container["image"] for pod in pods() for container in pod["spec"]["containers"]}
    assert not [image for image in images if image.endswith(":previous")]
    assert _crawler_faults() == ""
    if product == "cluster":  # the one pod over files is a pause by design
        assert load.found["failed"] == []


def _migrations(product: str) -> list[int]:
    """How many migrations the database has, of ledger and of parcels."""
    if product == "single-node":
        return []
    counted = "SELECT (SELECT count(*) FROM ledger.migration), (SELECT count(*) FROM parcels.migration)"
    psql = ["psql", "-U", "ngoclinh", "-d", "ngoclinh", "-At", "-F", " ", "-c", counted]
    return [int(each) for each in kubectl("exec", "-n", NAMESPACE, "postgres-0", "--", *psql).split()]


def test_every_pod_can_be_killed(product: str) -> None:
    before = counts()
    names = [pod["metadata"]["name"] for pod in pods()]
    with Load() as load:
        start = time.monotonic()
        for name in names:
            kubectl("delete", "pod", "-n", NAMESPACE, name, "--grace-period=0", "--force", check=False)
            rolled_out()
        took = round(time.monotonic() - start, 1)
    MEASURED[f"{product}: pods killed, seconds, calls meanwhile, failed"] = [
        len(names), took, load.found["calls"], len(load.found["failed"]),
    ]  # fmt: skip
    assert counts_again() == before
    assert _crawler_faults() == ""


def _crawler_faults() -> str:
    """What the crawlers that run now have told of children that ended."""
    made = {pod["metadata"]["name"]: pod["metadata"]["labels"].get(COMPONENT) for pod in pods()}
    crawlers = [name for name, component in made.items() if component in {"crawler", "all-in-one"}]
    assert crawlers
    lines = [line for name in crawlers for line in kubectl("logs", "-n", NAMESPACE, name, "--tail=-1").splitlines()]
    return "\n".join(lines[-30:]) if any('"child ended"' in line for line in lines) else ""


def test_a_rolling_restart_fails_no_call(product: str) -> None:
    if product == "single-node":
        start = time.monotonic()
        kubectl("rollout", "restart", "-n", NAMESPACE, "deployment")
        rolled_out()
        counts_again()
        MEASURED["single-node: pause of a restart in seconds, at most"] = round(time.monotonic() - start, 1)
        return
    with Load() as load:
        start = time.monotonic()
        kubectl("rollout", "restart", "-n", NAMESPACE, "deployment")
        rolled_out()
        took = round(time.monotonic() - start, 1)
    MEASURED["cluster: rolling restart: seconds, calls, failed, slowest call"] = [
        took, load.found["calls"], len(load.found["failed"]), load.found["slowest_s"],
    ]  # fmt: skip
    assert load.found["calls"] > 0
    assert load.found["failed"] == []


def test_a_drain_takes_one_pod_of_a_service_at_a_time(product: str) -> None:
    if product == "single-node":
        pytest.skip("its one pod has no budget: a drain is a pause")
    node = items("nodes", "default")[0]["metadata"]["name"]
    with Load() as load:
        try:
            kubectl("cordon", node)
            kubectl(
                "drain", node, f"--pod-selector={COMPONENT}=gateway", "--ignore-daemonsets",
                "--delete-emptydir-data", "--force", "--timeout=20s", check=False,
            )  # fmt: skip
            kept = [pod for pod in pods() if pod["metadata"]["labels"].get(COMPONENT) == "gateway"]
            running = [pod for pod in kept if pod["status"]["phase"] == "Running"]
            assert len(running) == 1, "the budget holds one pod back"
        finally:
            kubectl("uncordon", node)
        rolled_out()
    MEASURED["cluster: drain: calls, failed"] = [load.found["calls"], len(load.found["failed"])]
    assert load.found["failed"] == []


def test_the_same_manifests_again_change_nothing(product: str, cluster: str) -> None:
    generations = {each["metadata"]["name"]: each["metadata"]["generation"] for each in items("deployments")}
    apply(*overlay.objects(product, cluster))
    assert {each["metadata"]["name"]: each["metadata"]["generation"] for each in items("deployments")} == generations
    rolled_out()


def test_a_backup_brings_everything_back(product: str, cluster: str) -> None:
    before = counts()
    restore = {"single-node": _through_a_file_of_the_product, "cluster": _through_a_dump}[product]
    start = time.monotonic()
    restore(cluster)
    rolled_out()
    after = counts_again()
    MEASURED[f"{product}: backup, wipe, restore: seconds, articles and parcels before and after"] = [
        round(time.monotonic() - start, 1),
        [before["articles"], before["parcels"]],
        [after["articles"], after["parcels"]],
    ]
    assert after == before


def _through_a_file_of_the_product(version: str) -> None:
    """`ngoclinh backup` while it runs, `ngoclinh restore` over an emptied volume while it does not."""
    run = ["exec", "-n", NAMESPACE, "deploy/ngoclinh", "--", "/opt/ngoclinh/bin/ngoclinh"]
    kubectl(*run, "backup", "/data/kept.backup")
    kubectl("scale", "-n", NAMESPACE, "deployment/ngoclinh", "--replicas=0")
    wait("no pod", lambda: not items("pods", selector=f"{COMPONENT}=all-in-one"))
    script = "ls /data; find /data -mindepth 1 ! -name kept.backup -delete; ngoclinh restore /data/kept.backup"
    jobs.run(
        "restore", f"{surroundings.IMAGE}:{version}", script, user=10001,
        volumes={"/data": {"persistentVolumeClaim": {"claimName": "ngoclinh-data"}}},
    )  # fmt: skip
    kubectl("scale", "-n", NAMESPACE, "deployment/ngoclinh", "--replicas=1")


def _through_a_dump(version: str) -> None:
    """The dump of one CronJob by the other one in the place of what is there, which refuses while anybody is connected."""
    kubectl("create", "job", "-n", NAMESPACE, "backup-now", "--from=cronjob/backup")
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Complete", "job/backup-now", "--timeout=800s")
    kubectl("create", "job", "-n", NAMESPACE, "retention-now", "--from=cronjob/retention")
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Complete", "job/retention-now", "--timeout=800s")
    kubectl("create", "job", "-n", NAMESPACE, "restore-early", "--from=cronjob/restore")
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Failed", "job/restore-early", "--timeout=800s")
    assert "scale every part to 0 first" in kubectl("logs", "-n", NAMESPACE, "job/restore-early")
    kubectl("delete", "job", "-n", NAMESPACE, "backup-now", "retention-now", "restore-early")
    replicas = {each["metadata"]["name"]: each["spec"]["replicas"] for each in items("deployments")}
    kubectl(
        "scale", "-n", NAMESPACE, "--replicas=0", *(f"deployment/{name}" for name in replicas), "statefulset/imports"
    )
    gone = ("gateway", "media", "land", "worker", "imports", "sentiment")
    wait("no pod", lambda: not [pod for pod in items("pods") if pod["metadata"]["labels"].get(COMPONENT) in gone])
    kubectl("create", "job", "-n", NAMESPACE, "restore-now", "--from=cronjob/restore")
    kubectl("wait", "-n", NAMESPACE, "--for=condition=Complete", "job/restore-now", "--timeout=800s")
    kubectl("delete", "job", "-n", NAMESPACE, "restore-now")
    for name, count in {**replicas, "imports": 1}.items():
        kind = "statefulset" if name == "imports" else "deployment"
        kubectl("scale", "-n", NAMESPACE, f"--replicas={count}", f"{kind}/{name}")
