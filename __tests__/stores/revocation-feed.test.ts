import { afterEach, describe, expect, it } from '@jest/globals';
import { type LinkEvents, RevocationFeed, type RevocationLink } from '../../lib/stores/revocation-feed.js';
import { eventually } from '../../lib/testing/suite.js';

const feeds: RevocationFeed[] = [];
afterEach(() => {
  for (const feed of feeds.splice(0)) feed.stop();
});

/** A feed whose links the test holds in its hand. */
function scripted({
  open,
  probe,
  timeout = 40,
}: {
  open?: () => Promise<void>;
  probe?: () => Promise<void>;
  timeout?: number;
} = {}) {
  const links: { events: LinkEvents; closed: number }[] = [];
  const feed = new RevocationFeed({
    interval: 10,
    timeout,
    async open(events): Promise<RevocationLink> {
      const link = { events, closed: 0 };
      events.signal.addEventListener('abort', () => {
        link.closed += 1;
      });
      await open?.();
      links.push(link);
      return { probe: async () => probe?.() };
    },
  });
  feeds.push(feed);
  const told: string[] = [];
  const stop = feed.add(
    (digest) => told.push(digest),
    () => told.push('missed'),
  );
  return { feed, links, told, stop };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('RevocationFeed', () => {
  it('tells what the link says, and that there may have been some before it stood', async () => {
    const { links, told } = scripted();
    await eventually(() => told.length === 1);
    links[0]?.events.revoked('a', 'event');
    expect(told).toStrictEqual(['missed', 'a']);
    await pause(50);
    expect([told.length, links.length]).toStrictEqual([2, 1]);
  });

  it('tells an own revocation once, whether the reply or the echo is first', async () => {
    const { feed, links, told } = scripted();
    await eventually(() => told.length === 1);
    feed.tell('a', 'event');
    links[0]?.events.revoked('a', 'event');
    links[0]?.events.revoked('b', 'event');
    feed.tell('b', 'event');
    expect(told).toStrictEqual(['missed', 'a', 'b']);
  });

  it('tells another revocation of the same token, however soon', async () => {
    const { feed, links, told } = scripted();
    await eventually(() => told.length === 1);
    feed.tell('a', 'first');
    links[0]?.events.revoked('a', 'first');
    links[0]?.events.revoked('a', 'second');
    feed.tell('a', 'second');
    links[0]?.events.missed();
    expect(told).toStrictEqual(['missed', 'a', 'a', 'missed']);
  });

  it('knows an event for some seconds, which is longer than its echo takes', async () => {
    const { feed, told } = scripted();
    await eventually(() => told.length === 1);
    feed.tell('a', 'event');
    await pause(1000);
    feed.tell('b', 'event');
    feed.tell('a', 'event');
    await pause(3100);
    feed.tell('a', 'event');
    feed.tell('b', 'event');
    expect(told).toStrictEqual(['missed', 'a', 'b', 'a', 'b']);
    await pause(2100);
    feed.tell('c', 'event');
    feed.tell('b', 'event');
    expect(told.slice(5)).toStrictEqual(['c']);
  });

  it('tells at a loss, until the link stands again, and then', async () => {
    let isDown = false;
    const { links, told } = scripted({
      async open() {
        if (isDown) throw new Error('down');
      },
    });
    await eventually(() => told.length === 1);
    isDown = true;
    links[0]?.events.lost();
    await eventually(() => told.length >= 4);
    expect([links.length, links[0]?.closed]).toStrictEqual([1, 1]);
    isDown = false;
    await eventually(() => links.length === 2);
    await pause(30);
    const before = told.length;
    await pause(50);
    expect([told.length, new Set(told)]).toStrictEqual([before, new Set(['missed'])]);
  });

  it.each([
    ['never answers', () => new Promise<void>(() => {})],
    ['fails', async () => Promise.reject(new Error('dead'))],
  ])('gives up a link whose probe %s', async (_how, probe) => {
    const { links, told } = scripted({ probe });
    await eventually(() => links.length >= 2);
    expect(links[0]?.closed).toBe(1);
    expect(told.length).toBeGreaterThanOrEqual(2);
  });

  it('waits no longer for the probe of a link that is lost meanwhile', async () => {
    const { links } = scripted({
      timeout: 60_000,
      async probe() {
        setImmediate(() => links[0]?.events.lost());
        await new Promise(() => {});
      },
    });
    await eventually(() => links.length === 2);
    expect(links[0]?.closed).toBe(1);
  });

  it('closes a link that opens too late', async () => {
    let opened = 0;
    const { links } = scripted({
      async open() {
        opened += 1;
        if (opened === 1) await pause(80);
      },
    });
    await eventually(() => links.length >= 2);
    await eventually(() => links.filter(({ closed }) => closed === 1).length === 1);
    expect(links.filter(({ closed }) => closed === 0)).toHaveLength(1);
  });

  it('survives an open that throws', async () => {
    const feed = new RevocationFeed({
      interval: 5,
      timeout: 5,
      open() {
        throw new Error('a bug');
      },
    });
    feeds.push(feed);
    let missed = 0;
    feed.add(
      () => {},
      () => {
        missed += 1;
      },
    );
    await eventually(() => missed >= 2);
  });

  it('has a link as long as somebody listens', async () => {
    const { feed, links, told, stop } = scripted();
    await eventually(() => told.length === 1);
    const stopOther = feed.add(() => {});
    await pause(20);
    expect(links).toHaveLength(1);
    stop();
    await pause(20);
    expect(links[0]?.closed).toBe(0);
    stopOther();
    await eventually(() => links[0]?.closed === 1);
    feed.tell('nobody hears it', 'event');
    const stopAgain = feed.add((digest) => told.push(digest));
    await eventually(() => links.length === 2);
    links[1]?.events.revoked('a', 'event');
    expect(told).toStrictEqual(['missed', 'a']);
    stopAgain();
    await eventually(() => links[1]?.closed === 1);
  });
});
