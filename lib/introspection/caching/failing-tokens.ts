import { LRUCache } from 'lru-cache';

/** After so many failures that answers about other tokens have contradicted, a token says nothing about the server any more. */
const CONTRADICTIONS = 2;
const MAX_TOKENS = 1000;

interface Failing {
  /** How many answers there had been when it failed last. */
  readonly answers: number;
  /** How many of its failures were followed by an answer about another token. */
  readonly contradicted: number;
}

/**
 * The tokens that have failed and were not answered since. One that keeps failing while others are answered is a fault of
 * that token, and no outage.
 */
export class FailingTokens {
  readonly #failing = new LRUCache<string, Failing>({ max: MAX_TOKENS });
  readonly #tellsApart: boolean;
  #answers = 0;

  /** @param tellsApart whether it matters which token a failure is of */
  constructor(tellsApart: boolean) {
    this.#tellsApart = tellsApart;
  }

  /** How many answers there have been. */
  get answers(): number {
    return this.#answers;
  }

  answered(token: string): void {
    this.#answers += 1;
    this.#failing.delete(token);
  }

  /**
   * Notes a failure of the server.
   *
   * @param answersBefore how many answers there had been when its request began
   * @returns whether it says something about the server: not if others were answered meanwhile, or time and again before
   */
  failed(token: string, answersBefore: number): boolean {
    const answers = this.#answers;
    if (!this.#tellsApart) return answersBefore === answers;
    const before = this.#failing.get(token);
    const isContradicted = before !== undefined && before.answers < answers;
    const contradicted = (before?.contradicted ?? 0) + Number(isContradicted);
    this.#failing.set(token, { answers, contradicted });
    return answersBefore === answers && contradicted < CONTRADICTIONS;
  }

  /** Whether another failure of this token would tell nothing new: it has failed since the last answer, or keeps failing. */
  has(token: string): boolean {
    const failing = this.#failing.peek(token);
    return (
      failing !== undefined && (failing.answers === this.#answers || failing.contradicted >= CONTRADICTIONS)
    );
  }
}
