import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import bodyParser from 'body-parser';
import express from 'express';
import fc from 'fast-check';
import { formBody } from '../../lib/http/form-body.js';
import { plainForm } from '../../lib/http/plain-form.js';
import { FORM, raw, serving } from '../support/http.js';

const app = express();
/** What body-parser reads. */
app.post('/parsed', bodyParser.urlencoded({ extended: false }), (req, res) => {
  res.json(Object.entries(req.body as object));
});
/** What plainForm reads, once the body has had time to come; else what is left for body-parser to read. */
app.post('/plain', async (req, res) => {
  await wait(5);
  let ended = false;
  req.once('end', () => {
    ended = true;
  });
  const plain = plainForm(req);
  if (!plain) await new Promise((resolve) => bodyParser.urlencoded({ extended: false })(req, res, resolve));
  // The stream ends for whoever waits for that.
  await wait(1);
  res.json({ taken: plain !== undefined, ended, entries: [...(plain ?? Object.entries(req.body ?? {}))] });
});

/** What formBody reads, by either of them. */
app.post('/form', async (req, res) => {
  await wait(5);
  res.json([...(await formBody(req, res))]);
});
app.use((error: { status?: number }, _req: unknown, res: express.Response, _next: unknown) => {
  res.status(error.status ?? 500).end();
});

interface Plain {
  readonly taken: boolean;
  readonly ended: boolean;
  readonly entries: [string, unknown][];
}

const ask = async (origin: string, body: string, headers: readonly string[] = FORM): Promise<Plain> =>
  JSON.parse((await raw(origin, { path: '/plain', headers, body })).body) as Plain;

/** Not as an object, of which a comparison would read the `constructor`. */
const sorted = (entries: [string, unknown][]): unknown =>
  entries.toSorted(([one], [other]) => (one < other ? -1 : 1));

describe('plainForm', () => {
  it('property: reads what body-parser reads, input for input, or leaves it all to body-parser', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'token',
        'token_type_hint',
        'constructor',
        '__proto__',
        'a',
        '=',
        '&',
        '&&',
        '+',
        '%41',
        '%',
      ),
      fc.constantFrom('[', ']', 'a[b]=c', 'ü', '%ff', ' ', '~', '.', '-', 'AbC-._~123'),
      fc.string({ maxLength: 6 }),
    );
    const body = fc.array(piece, { minLength: 1, maxLength: 10 }).map((pieces) => pieces.join(''));
    await serving(app, async (origin) => {
      await fc.assert(
        fc.asyncProperty(body, async (text) => {
          const reference = await raw(origin, { path: '/parsed', headers: FORM, body: text });
          const { entries, ended } = await ask(origin, text);
          expect(sorted(entries)).toStrictEqual(sorted(JSON.parse(reference.body) as [string, unknown][]));
          expect(ended).toBe(true);
        }),
        { numRuns: 1000 },
      );
    });
  });

  it('property: reads every form of plain characters by itself', async () => {
    const text = fc.stringMatching(/^[A-Za-z0-9\-._~]{0,20}$/);
    const name = fc.stringMatching(/^[A-Za-z0-9\-._~]{1,12}$/).filter((key) => !(key in Object.prototype));
    await serving(app, async (origin) => {
      await fc.assert(
        fc.asyncProperty(fc.dictionary(name, text, { minKeys: 1, maxKeys: 6 }), async (parameters) => {
          const body = Object.entries(parameters)
            .map(([key, value]) => `${key}=${value}`)
            .join('&');
          expect(await ask(origin, body)).toStrictEqual({
            taken: true,
            ended: true,
            entries: Object.entries(parameters),
          });
        }),
        { numRuns: 300 },
      );
    });
  });

  it.each([
    ['an escaped character', 'token=a%20b', FORM],
    ['a plus', 'token=a+b', FORM],
    ['a repeated name', 'token=a&token=b', FORM],
    ['a name without a value', 'token', FORM],
    ['a value without a name', 'a=b&=c', FORM],
    ['a name that every object has', 'constructor=a', FORM],
    ['more than 16 KiB', `token=${'a'.repeat(16 * 1024)}`, FORM],
    ['another spelling of the media type', 'token=a', ['Content-Type', 'Application/X-WWW-Form-URLEncoded']],
    ['another charset', 'token=a', [...FORM.slice(0, 1), `${FORM[1]};charset=iso-8859-1`]],
    ['a content encoding', 'token=a', [...FORM, 'Content-Encoding', 'identity']],
  ])('leaves to body-parser, whole, a body with %s', async (_what, body, headers) => {
    await serving(app, async (origin) => {
      const reference = await raw(origin, { path: '/parsed', headers, body });
      const { taken, entries } = await ask(origin, body, headers);
      expect(taken).toBe(false);
      expect(entries).toStrictEqual(JSON.parse(reference.body));
      expect(entries).toHaveLength(1);
    });
  });

  it('leaves to body-parser more parameters than that one takes', async () => {
    const names = (count: number): string => Array.from({ length: count }, (_, i) => `a${i}=b`).join('&');
    const limited = express();
    limited.post('/', async (req, res) => {
      await wait(5);
      await formBody(req, res).then(
        (parameters) => res.json(parameters.size),
        (error: { status: number }) => res.status(error.status).end(),
      );
    });
    await serving(limited, async (origin) => {
      const most = await raw(origin, { path: '/', headers: FORM, body: names(100) });
      expect(most.body).toBe('100');
      expect((await raw(origin, { path: '/', headers: FORM, body: names(101) })).status).toBe(413);
    });
  });

  it.each(['', ';charset=UTF-8', '; charset=utf-8'])('takes the media type with "%s"', async (charset) => {
    await serving(app, async (origin) => {
      const headers = ['Content-Type', `${FORM[1]}${charset}`];
      expect(await ask(origin, 'token=a&hint=', headers)).toMatchObject({
        taken: true,
        entries: [
          ['token', 'a'],
          ['hint', ''],
        ],
      });
    });
  });

  it('I-05 counts an empty value as left out, as body-parser is read', async () => {
    await serving(app, async (origin) => {
      for (const body of ['token=a&hint=', 'hint=&token=%61']) {
        const answer = await raw(origin, { path: '/form', headers: FORM, body });
        expect(JSON.parse(answer.body)).toStrictEqual([['token', 'a']]);
      }
    });
  });

  it('leaves alone a body that somebody has parsed or begun to read, and one that is not there', async () => {
    const used = express();
    const read: RequestTaker[] = [
      (req) => void Object.assign(req, { body: {} }),
      (req) => void req.on('data', () => {}),
      (req) => void req.on('readable', () => {}),
      (req) => void req.pause(),
    ];
    used.post('/:how', async (req, res) => {
      read[Number(req.params.how)]?.(req);
      await wait(5);
      res.json(plainForm(req) === undefined);
    });
    await serving(used, async (origin) => {
      for (const how of read.keys()) {
        expect((await raw(origin, { path: `/${how}`, headers: FORM, body: 'token=a' })).body).toBe('true');
      }
      expect((await raw(origin, { path: '/none', headers: FORM })).body).toBe('true');
    });
  });

  it('waits for a body that comes in parts, through body-parser', async () => {
    await serving(app, async (origin) => {
      const socket = connect(Number(new URL(origin).port), '127.0.0.1');
      const head = `POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM[1]}\r\nContent-Length: 9\r\n\r\n`;
      const answers: string[] = [];
      socket.on('data', (chunk) => answers.push(String(chunk)));
      // A form by itself: whoever takes it for the whole asks about another token.
      socket.write(`${head}token=a`);
      await wait(50);
      socket.write('bc');
      await wait(50);
      // The connection goes on: one whole request, plainly read, then another.
      socket.write(`${head}token=def`);
      await wait(50);
      socket.write(`${head}token=ghi`);
      await wait(50);
      socket.destroy();
      const text = answers.join('');
      expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
      expect(text.match(/\[\["token","\w+"\]\]/g)).toStrictEqual([
        '[["token","abc"]]',
        '[["token","def"]]',
        '[["token","ghi"]]',
      ]);
    });
  });
});

type RequestTaker = (req: express.Request) => void;
