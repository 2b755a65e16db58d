import type { Attributes } from '@opentelemetry/api';
import type { Telemetry } from '../../telemetry/telemetry.js';
import { reasonLabel } from '../introspection-unavailable.js';
import { serverOf } from './watched-transport.js';

/** What is asked for. `client_keys`: the keys that clients of ours publish. */
export type UpstreamOperation = 'introspect' | 'keys' | 'client_keys';

/** Measures the questions of one kind to one server, all that belongs to one together: metadata, credentials, the answer and the retry. */
export class UpstreamProbe {
  readonly #telemetry: Telemetry;
  readonly #question: Attributes;

  /**
   * @param configured whom the app has named, where it is one: what a server's metadata or a client's registration names is
   *   no attribute of a measurement
   */
  constructor(telemetry: Telemetry, operation: UpstreamOperation, configured?: string) {
    this.#telemetry = telemetry;
    this.#question = Object.freeze({
      'token_introspection.operation': operation,
      ...(configured !== undefined && serverOf(configured)),
    });
  }

  /** @param outcome what an answer amounts to */
  run<T>(
    question: () => Promise<T>,
    outcome: (answer: T) => 'active' | 'inactive' | 'answered',
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#telemetry.instruments ? this.#measured(question, outcome, signal) : question();
  }

  async #measured<T>(
    question: () => Promise<T>,
    outcome: (answer: T) => string,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { instruments } = this.#telemetry;
    const began = performance.now();
    const done = (became: string, error?: string): void =>
      instruments?.asked(this.#question, became, error, performance.now() - began);
    try {
      const answer = await question();
      done(outcome(answer));
      return answer;
    } catch (error) {
      if (signal?.aborted) done('cancelled');
      else done('unavailable', reasonLabel(error));
      throw error;
    }
  }
}
