"""Settings of Scrapy: it downloads; politeness, robots, redirects, retries and limits are ours."""

from __future__ import annotations

from typing import Any

from crawlers.documents import AGENT
from services.core.sections.work import CrawlerSettings


def user_agent(settings: CrawlerSettings, version: str = "0.1") -> str:
    """How the crawler names itself: product token, version, and where the office can be reached."""
    return f"{AGENT}/{version} (+{settings.contact})"


def scrapy_settings(settings: CrawlerSettings) -> dict[str, Any]:
    """Settings for `scrapy.crawler.Crawler`.

    Scrapy's robots middleware lets concurrent requests pass (2.14 to 2.19), its retries know no back-off, its redirects
    ask no robots.txt, its delay knows no Retry-After; so all of its middlewares are off. It runs on the plain asyncio
    loop, and one download handler of our own opens every connection. Extensions are left out of the list of Scrapy
    itself: it imports even those that are off, with protocols that images do not have.
    """
    handler = "crawlers.download.SafeDownloadHandler"
    return {
        "BOT_NAME": AGENT,
        "USER_AGENT": user_agent(settings),
        "TWISTED_REACTOR_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "COOKIES_ENABLED": False,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOAD_DELAY": 0,
        "DOWNLOAD_TIMEOUT": settings.timeout_s,
        "DOWNLOAD_MAXSIZE": settings.max_page_mb << 20,
        "DOWNLOAD_WARNSIZE": 0,
        "CONCURRENT_REQUESTS": settings.concurrent_requests,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_HANDLERS": {"http": handler, "https": handler, "data": None, "file": None, "ftp": None, "s3": None},
        "DOWNLOADER_MIDDLEWARES_BASE": {},
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {},
        "LOG_ENABLED": False,
        "NGOCLINH_TOTAL_TIMEOUT_S": settings.total_timeout_s,
        "NGOCLINH_ALLOW_PRIVATE_HOSTS": settings.allow_private_hosts,
        "NGOCLINH_PROXY": settings.proxy,
    }
