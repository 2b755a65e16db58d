import express, { type Express } from 'express';
import type request from 'supertest';
import {
  type AuditEvent,
  type IntrospectionGatewayOptions,
  type Introspector,
  introspectionRouter,
} from '../../lib/index.js';
import { upstream } from './upstream.js';
import { A, ISSUER, postToken, type World, world } from './world.js';

interface Gateway {
  readonly app: Express;
  readonly events: AuditEvent[];
}

/** A gateway in front of an introspector, with the clients and the clock of a world. */
export function gateway(
  { clients, clock }: World,
  introspector: Introspector,
  more: Partial<IntrospectionGatewayOptions> = {},
): Gateway {
  const events: AuditEvent[] = [];
  const router = introspectionRouter({
    introspector,
    clients,
    issuer: ISSUER,
    clock: () => clock.now,
    audit: (event) => events.push(event),
    ...more,
  });
  return { app: express().use(router), events };
}

/** Asks a gateway in front of an introspector that says this. */
export async function asked(
  says: unknown,
  caller: string,
  more: Partial<IntrospectionGatewayOptions> = {},
): Promise<{ answer: request.Response; events: AuditEvent[] }> {
  const made = await world();
  const { app, events } = gateway(made, upstream(says), more);
  return { answer: await postToken(app, A, made.as(caller), 'a-token'), events };
}
