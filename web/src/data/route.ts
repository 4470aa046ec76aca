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
}
