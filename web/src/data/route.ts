/** What stands behind the page's name in the address, and how to go there. */

import { useCallback, useEffect, useState } from 'react';
import { type PageName, pageLink, routeOf } from './links';
import { useProject } from './projects';

export function usePageRest(page: PageName): [string, (rest: string) => void] {
  const { id } = useProject();
  const [rest, setRest] = useState(() => restOf(page));
  useEffect(() => {
    const onChange = () => setRest(restOf(page));
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, [page]);
  const go = useCallback(
    (to: string) => {
      location.hash = pageLink(id, page, to);
    },
    [id, page],
  );
  return [rest, go];
}

function restOf(page: PageName): string {
  const route = routeOf(location.hash);
  return route.kind === 'project' && route.page === page ? route.rest : '';
}
