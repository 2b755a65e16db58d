import { answers, introspections } from '../fixture.js';

export const name = 'bare node:http, no authentication, no framework';

export async function start({ now }) {
  const known = answers(now);
  const handler = (req, res) => {
    const chunks = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const body = Buffer.from(JSON.stringify(known.get(form.get('token')) ?? { active: false }));
      res.writeHead(200, {
        'Cache-Control': 'no-store',
        'Content-Type': 'application/json',
        'Content-Length': body.length,
      });
      res.end(body);
    });
  };
  return { handler, ...introspections(now, { authenticates: false }) };
}
