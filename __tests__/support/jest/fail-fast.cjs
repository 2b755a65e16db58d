const { TestEnvironment } = require('jest-environment-node');

/** After the first test that fails, all others are skipped: a mutant is noticed. */
module.exports = class FailFast extends TestEnvironment {
  #hasFailed = false;

  async handleTestEvent(event) {
    if (event.name === 'test_done' && event.test.errors.length > 0) this.#hasFailed = true;
    if (event.name === 'test_start' && this.#hasFailed) event.test.mode = 'skip';
  }
};
