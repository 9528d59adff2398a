import type { Row } from '../mutation.ts';

const LOCK = 'package-lock.json';
const SUPPLY_CHAIN = 'test/supply-chain.test.ts';

/** What is installed. */
export const PACKAGES: readonly Row[] = [
  {
    tries: 'to run code at installation, or to be another',
    mutations: [
      {
        defence: '`allowScripts` forbids the one script there is',
        file: 'package.json',
        find: '    "msgpackr-extract": false,\n',
        replace: '    "msgpackr-extract": true,\n',
        test: [SUPPLY_CHAIN, 'nothing that runs in production runs at its installation'],
      },
      {
        defence: 'a package that gets a script is noticed',
        file: LOCK,
        find: '    "node_modules/pino": {\n',
        replace: '    "node_modules/pino": {\n      "hasInstallScript": true,\n',
        test: [SUPPLY_CHAIN, 'nothing that runs in production runs at its installation'],
      },
      {
        defence: 'the image is built without scripts',
        file: 'Dockerfile',
        find: '--workspaces=false --ignore-scripts',
        replace: '--workspaces=false',
        test: [SUPPLY_CHAIN, 'the image is built without scripts'],
      },
      {
        defence: 'every package is pinned by its hash',
        file: LOCK,
        find: '    "node_modules/pino": {\n',
        replace: '    "node_modules/unpinned": {"version": "1.0.0", "license": "MIT"},\n    "node_modules/pino": {\n',
        test: [SUPPLY_CHAIN, 'every package of the lockfile of . is pinned by its hash'],
      },
      {
        defence: 'a licence that asks for more is noticed',
        file: LOCK,
        find: '    "node_modules/pino": {\n',
        replace: '    "node_modules/pino2": {"license": "GPL-3.0"},\n    "node_modules/pino": {\n',
        test: [SUPPLY_CHAIN, 'what runs in production is under licences that ask for no more than their notice'],
      },
    ],
  },
];
