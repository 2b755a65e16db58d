import TestRunner from 'jest-runner';

/** Runs one file at a time, in a process of its own as the others are. */
export default class Alone extends TestRunner {
  constructor(globalConfig, ...rest) {
    super({ ...globalConfig, maxWorkers: 1 }, ...rest);
  }
}
