/** The address in the window, for pages with parts of their own. */

import { useSyncExternalStore } from 'react';
import { pageLink, type Route, routeOf } from './links';

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange);
  return () => window.removeEventListener('hashchange', onChange);
}

/** What stands behind the page in the address, decoded, and how to change it. */
export function useRest(): readonly [
  parts: readonly string[],
  go: (...parts: readonly string[]) => void,
] {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  const route = routeOf(hash);
  const rest = route.kind === 'home' ? '' : route.rest;
  const go = (...parts: readonly string[]) => {
    location.hash = addressOf(route, parts.map(encodeURIComponent).join('/'));
  };
  return [rest.split('/').filter(Boolean).map(decoded), go];
}

function addressOf(route: Route, rest: string): string {
  if (route.kind === 'project') return pageLink(route.projectId, route.page, rest);
  return route.kind === 'administration' ? `#/administration/${rest}` : '#/';
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand
  }
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
