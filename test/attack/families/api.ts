import { HOSTILE_PROJECTS } from '../hostile-api.ts';
import { type Attack, type Family, one, operation, repeat } from '../request.ts';
import { CONVERSION, PROFILE } from './lists.ts';

/** An operation may read MAX_UPSTREAM_BYTES, 64 MiB, which are there as bytes, as text and as what that is read into. */
const MAX_ADDED_MB = 400;

const hostileApi: Family = {
  name: 'an API that is hostile itself',
  maxAddedMb: MAX_ADDED_MB,
  make(dice): Attack {
    const project = dice.variant(HOSTILE_PROJECTS);
    const roots = dice.chance(0.7) ? 1 : dice.size(10);
    const [list, fields] = dice.pick([
      ['conversions', CONVERSION],
      ['profiles', PROFILE],
      ['conversions', 'conversionId'],
    ] as const);
    const query = `{ ${repeat(roots, (i) => `a${i}: ${list}(first: ${500 - i}) { nodes { ${fields} } }`)} }`;
    return one(
      `${roots} × ${list} from ${project}`,
      operation(query, undefined, { headers: { 'x-datatrics-project': project } }),
    );
  },
};

const hostileRecord: Family = {
  name: 'a record of a hostile API',
  maxAddedMb: MAX_ADDED_MB,
  make(dice): Attack {
    const project = dice.variant(HOSTILE_PROJECTS);
    return one(
      `a profile from ${project}`,
      operation(`{ profile(profileId: "1", source: "Webshop") { ${PROFILE} } }`, undefined, {
        headers: { 'x-datatrics-project': project },
      }),
    );
  },
};

export const API_FAMILIES: readonly Family[] = [hostileApi, hostileRecord];
