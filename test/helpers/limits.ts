import type { DocumentLimits } from '../../src/graph/document-limits.ts';

/** The default limits of a document. */
export const LIMITS: DocumentLimits = {
  maxTokens: 5_000,
  maxDepth: 12,
  maxAliases: 100,
  maxRootFields: 50,
  maxDirectives: 50,
  assumedListSize: 10,
  maxEstimatedCalls: 5_000,
  maxEstimatedValues: 350_000,
  maxAnswerBytes: 16 * 1024 * 1024,
  maxRepresentations: 500,
};
