import fc from 'fast-check';

/** Operations over all links, with page sizes everywhere, so that nothing has to be assumed. */
export const anyOperation: fc.Arbitrary<string> = (() => {
  const page = fc.oneof(
    fc.integer({ min: 1, max: 6 }).map((n) => `first: ${n}`),
    fc.integer({ min: 1, max: 6 }).map((n) => `last: ${n}`),
    fc.constant(''),
  );
  const args = (...parts: string[]): string => {
    const given = parts.filter((part) => part !== '');
    return given.length > 0 ? `(${given.join(', ')})` : '';
  };
  const wrap = fc.constantFrom(
    (inner: string) => `{ nodes { ${inner} } pageInfo { hasNextPage } }`,
    (inner: string) => `{ edges { cursor node { ${inner} } } totalCount }`,
  );
  const source = fc.constantFrom('', 'source: "Webshop"', 'source: "CRM"', 'source: "nowhere"');
  const one = (field: string, own: string, inner: fc.Arbitrary<string>) =>
    fc
      .tuple(source, inner, fc.boolean())
      .map(([s, i, skip]) => `${field}${args(s)}${skip ? ' @skip(if: false)' : ''} { ${own} ${i} }`);
  const many = (field: string, own: string, inner: fc.Arbitrary<string>) =>
    fc.tuple(page, wrap, inner).map(([p, w, i]) => `${field}${args(p)} ${w(`${own} ${i}`)}`);
  const profile = (depth: number): fc.Arbitrary<string> =>
    depth === 0
      ? fc.constant('name')
      : fc.oneof(
          fc.constant('name'),
          many('conversions', 'total', conversion(depth - 1)),
          many('interactions', 'event', interaction(depth - 1)),
        );
  const conversion = (depth: number): fc.Arbitrary<string> =>
    depth === 0 ? fc.constant('total') : fc.oneof(fc.constant('total'), one('profile', 'name', profile(depth - 1)));
  const interaction = (depth: number): fc.Arbitrary<string> =>
    depth === 0 ? fc.constant('event') : fc.oneof(fc.constant('event'), one('profile', 'name', profile(depth - 1)));
  const id = fc.constantFrom('"1001"', '"1002"', '"nobody"', '"A/B 1#x+%"', '".."');
  const root = fc.oneof(
    fc.tuple(id, source, profile(2)).map(([i, s, inner]) => `profile${args(`profileId: ${i}`, s)} { email ${inner} }`),
    many('profiles', 'email', profile(2)),
    many('conversions', 'email', conversion(2)),
    many('interactions', 'emailId', interaction(2)),
    fc.tuple(page, wrap).map(([p, w]) => `contents${args('type: CATEGORY', p)} ${w('name')}`),
    fc.tuple(id).map(([i]) => `conversion(conversionId: ${i}) { total profile { name } }`),
    fc.constant(
      'nodes(ids: ["UHJvZmlsZToxMjM0NTY6V2Vic2hvcDoxMDAx", "x", "UHJvZmlsZToxMjM0NTY6V2Vic2hvcDoxMDAx"]) { id ... on Profile { name } }',
    ),
  );
  return fc
    .array(root, { minLength: 1, maxLength: 4 })
    .map((roots) => `{ ${roots.map((field, i) => `r${i}: ${field}`).join(' ')} }`);
})();
