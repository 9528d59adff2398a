import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { type ErrorCode, GatewayError } from '../lib/error.ts';
import { locationsOf } from './locations.ts';

/** Called with what nobody foresaw, once per error, to be logged. */
export type ReportUnexpected = (error: unknown) => void;

const MASKED = 'Something went wrong in the gateway.';

/**
 * The one place where failures become GraphQL errors. What a `GatewayError` says reaches the client; anything else that
 * was thrown is masked and reported.
 *
 * A field may be selected hundreds of times: only the first place is named.
 */
export function formatError(error: GraphQLError, report: ReportUnexpected): GraphQLFormattedError {
  const { code, message } = explain(error, report);
  const place = locationsOf(error)?.[0];
  const formatted = {
    message: shorten(message),
    ...(place && { locations: [place] }),
    ...(error.path && { path: error.path }),
    extensions: { code },
  };
  thrown.set(formatted, error);
  return formatted;
}

/** What was thrown, by what the client gets of it: only plugins that an operator configured see it. */
const thrown = new WeakMap<GraphQLFormattedError, GraphQLError>();

/** An error of an answer as Envelop's plugins expect it, with what was thrown as its `originalError`. */
export function toGraphQLError(formatted: GraphQLFormattedError): GraphQLError {
  const { message, path = null } = formatted;
  const { nodes = null, originalError = null } = thrown.get(formatted) ?? {};
  // A copy: plugins add to the extensions.
  return new GraphQLError(message, { path, extensions: { ...formatted.extensions }, nodes, originalError });
}

function explain(error: GraphQLError, report: ReportUnexpected): { code: ErrorCode; message: string } {
  // A condition of a field of the operation itself fails before there is any path, and is not wrapped.
  const cause = error.originalError ?? (error.path === undefined ? error : undefined);
  if (cause instanceof GatewayError && cause.code !== 'INTERNAL_SERVER_ERROR') return cause;
  // Argument values that came by variables are judged by the executor; those errors point into the document, and
  // errors of the answer's own values do not.
  if (cause instanceof GraphQLError && cause.nodes?.length) return { code: 'BAD_USER_INPUT', message: error.message };
  report(cause ?? error);
  return { code: 'INTERNAL_SERVER_ERROR', message: MASKED };
}

/** The errors of an answer whose operation did not run. */
export function requestErrors(code: ErrorCode, errors: readonly GraphQLError[]): GraphQLFormattedError[] {
  return errors.map((error) => {
    const locations = locationsOf(error);
    return { message: shorten(error.message), ...(locations && { locations }), extensions: { code } };
  });
}

/** Characters of a message at most: graphql-js quotes what a client sent, which may be any length and in many errors. */
const MAX_MESSAGE = 1_000;

function shorten(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
}
