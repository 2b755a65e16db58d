// Says what importing the package, and then using it, has changed in the process.
const express = require('express');
const features = require('./features.cjs');
const {
  changes,
  globals,
  globalsBeforeFetch,
  surroundings,
  touch,
  warnings,
  watchWarnings,
} = require('./surroundings.cjs');

const LATE =
  /[\\/]((?:vendor[\\/])?(?:jose|oauth4webapi)|lmdb|redis|@redis|pg|openapi-document\.js)(?:[\\/]|$)/;
const loaded = () => [...new Set(Object.keys(require.cache).flatMap((file) => LATE.exec(file)?.[1] ?? []))];

module.exports = async function unchanged(load) {
  touch(globalsBeforeFetch());
  await watchWarnings();
  const cold = surroundings(globalsBeforeFetch());
  const lib = await load();
  const imported = changes(cold, surroundings(globalsBeforeFetch()));
  const early = loaded();
  console.error('imported');
  touch(globals());
  await (await fetch('data:,')).text();
  const warm = surroundings();
  const { failed } = await features(express, lib);
  await new Promise((resolve) => setTimeout(resolve, 20));
  console.log(
    JSON.stringify({
      imported,
      early,
      failed,
      used: changes(warm, surroundings()),
      late: loaded(),
      warnings,
    }),
  );
};
