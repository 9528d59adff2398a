export const JSON_TYPE = 'application/json';
export const GRAPHQL_RESPONSE_TYPE = 'application/graphql-response+json';
const MULTIPART_TYPE = 'multipart/mixed';
const EVENT_STREAM_TYPE = 'text/event-stream';

export type PartsType = typeof MULTIPART_TYPE | typeof EVENT_STREAM_TYPE;

/** The format of `@defer` and `@stream` that this gateway sends, as Apollo's clients name it. */
const DEFER_SPEC = '20220824';

interface Accepted {
  readonly type: string;
  readonly quality: number;
  /** In lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** The media type that a client prefers; without a preference, `application/json`. */
export function chooseMediaType(accept: string | null | undefined): typeof JSON_TYPE | typeof GRAPHQL_RESPONSE_TYPE {
  if (!accept?.includes(GRAPHQL_RESPONSE_TYPE)) return JSON_TYPE;
  const accepted = parseAccept(accept);
  const wanted = qualityOf(GRAPHQL_RESPONSE_TYPE, accepted);
  return wanted > 0 && wanted >= qualityOf(JSON_TYPE, accepted) ? GRAPHQL_RESPONSE_TYPE : JSON_TYPE;
}

/** The media type for an answer in parts; undefined for a client that accepts none in the gateway's format. */
export function choosePartsType(accept: string | undefined): PartsType | undefined {
  if (accept === undefined) return undefined;
  const accepted = parseAccept(accept).filter(isOurFormat);
  const multipart = qualityOf(MULTIPART_TYPE, accepted);
  const events = qualityOf(EVENT_STREAM_TYPE, accepted);
  if (multipart <= 0 && events <= 0) return undefined;
  return multipart >= events ? MULTIPART_TYPE : EVENT_STREAM_TYPE;
}

/** Clients name the format by `deferSpec` (Apollo Client 3 and 4), or by `incrementalSpec` for later drafts. */
function isOurFormat({ parameters }: Accepted): boolean {
  return [...parameters].every(
    ([name, value]) => !name.endsWith('spec') || (name === 'deferspec' && value === DEFER_SPEC),
  );
}

function qualityOf(type: string, accepted: readonly Accepted[]): number {
  return Math.max(-1, ...accepted.filter((one) => one.type === type).map(({ quality }) => quality));
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-accept */
function parseAccept(accept: string): Accepted[] {
  return accept.split(',').map((part) => {
    const [type = '', ...pairs] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const parameters = new Map(
      pairs.map((pair): [string, string] => {
        const [name = '', value = ''] = pair.split('=');
        return [name.trim(), value.trim().replace(/^"(.*)"$/, '$1')];
      }),
    );
    const q = parameters.get('q');
    return { type, quality: q === undefined ? 1 : Number(q) || 0, parameters };
  });
}
