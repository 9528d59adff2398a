import { serialize } from 'node:v8';
import { gzipSync } from 'node:zlib';
import { css, editorWorkerService, graphqlWorker, js, jsonWorker } from '@graphql-yoga/render-graphiql/graphiql';

/**
 * A program of its own: writes GraphiQL's files, gzipped, to standard output as one serialised `Map` of name to bytes.
 * The package holds them as 9 MB of JavaScript strings, which would cost a serving process 45 MB for good.
 */
const files: Record<string, string> = {
  'graphiql.css': css,
  'graphiql.js': js,
  'editor.worker.js': editorWorkerService,
  'json.worker.js': jsonWorker,
  'graphql.worker.js': graphqlWorker,
};

const assets = new Map(Object.entries(files).map(([name, content]) => [name, gzipSync(content, { level: 6 })]));
process.stdout.write(serialize(assets));
