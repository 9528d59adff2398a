import { defineConfig, mergeConfig } from 'vitest/config';
import usual from './vitest.config.ts';

/** How `npm run mutation` runs tests. */
export default mergeConfig(
  usual,
  defineConfig({
    // Every run starts with modules of its own: a mutant is chosen while they load.
    test: { isolate: true },
    plugins: [
      {
        // Stryker joins the names of suites and test by a space, Vitest 5 by ` > `.
        name: 'full-names-of-tests',
        configureVitest({ project }) {
          let chosen: RegExp | undefined;
          Object.defineProperty(project.config, 'testNamePattern', {
            enumerable: true,
            get: () => chosen,
            set(names: RegExp | undefined) {
              chosen = names && new RegExp(names.source.replaceAll(' ', '(?: > | )'));
            },
          });
        },
      },
    ],
  }),
);
