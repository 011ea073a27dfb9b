"""The page in a real browser: as wide as a phone, in light and in dark, without JavaScript."""

import asyncio
import re
import shutil

import aiohttp
import pytest

pytest.importorskip("matplotlib", reason="the report needs the extra `demo`")

from evaluate_metrics.report.page import write_report

FACTS = """(() => {
  const colour = (node, name) => getComputedStyle(node)[name];
  return {
    wide: document.documentElement.scrollWidth,
    ground: colour(document.body, "backgroundColor"),
    inks: [...document.querySelectorAll("svg text")].map(one => colour(one, "fill")),
    drawn: [...document.querySelectorAll("svg")].filter(one => one.getBoundingClientRect().height > 50).length,
  };
})()"""


async def looked_at(browser, profile, address, scheme):
    """Open a page 360 pixels wide in a colour scheme and return `FACTS`."""
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    process = await asyncio.create_subprocess_exec(
        browser, *arguments, f"--user-data-dir={profile}", stderr=asyncio.subprocess.PIPE
    )
    try:
        while not (found := re.search(rb"ws://\S+", await process.stderr.readline())):
            pass
        async with aiohttp.ClientSession() as client, client.ws_connect(found[0].decode(), max_msg_size=0) as tab:
            session, number = {}, 0

            async def ask(method, **parameters):
                nonlocal number
                number += 1
                await tab.send_json({"id": number, "method": method, "params": parameters, **session})
                while (answer := await tab.receive_json()).get("id") != number:
                    pass
                return answer["result"]

            target = await ask("Target.createTarget", url="about:blank")
            attached = await ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            session["sessionId"] = attached["sessionId"]
            await ask("Page.enable")
            size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
            await ask("Emulation.setDeviceMetricsOverride", **size)
            await ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            await ask("Page.navigate", url=address)
            while (await tab.receive_json()).get("method") != "Page.loadEventFired":
                pass
            return (await ask("Runtime.evaluate", expression=FACTS, returnByValue=True))["result"]["value"]
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_a_phone_shows_every_picture_in_light_and_in_dark(evaluation, dataset_dir, tmp_path, scheme, dark):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    write_report(evaluation, tmp_path / "pages", dataset_dir)
    address = (tmp_path / "pages" / "report.html").as_uri()
    facts = asyncio.run(asyncio.wait_for(looked_at(browser, tmp_path / "profile", address, scheme), 60))
    ground = sum(map(int, re.findall(r"\d+", facts["ground"])[:3]))
    assert facts["wide"] == 360 and facts["drawn"] == 4 and (ground < 150) is dark
    for ink in facts["inks"]:
        assert abs(sum(map(int, re.findall(r"\d+", ink)[:3])) - ground) > 250
