import { QueryClientProvider } from '@tanstack/react-query';
import {
  type ComponentType,
  lazy,
  Suspense,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { ProjectOut } from '../api/schema';
import { EmptyState } from '../components/EmptyState';
import { Problem } from '../components/Problem';
import { Toasts } from '../components/Toasts';
import { type PageName, pageLink, type Route, routeOf } from '../data/links';
import { ProjectProvider, useProjects } from '../data/projects';
import { makeQueryClient } from '../data/queries';
import { useSession, useSessionEnded } from '../data/session';
import { HomePage } from '../features/home/HomePage';
import { SignIn } from '../features/home/SignIn';
import { t } from '../texts';
import { Guard } from './Guard';
import { NEXT, PAGE_ICONS } from './pages';
import { Sidebar } from './Sidebar';

const TemplatePage = lazy(() => import('../features/template/TemplatePage'));
const AdministrationPage = lazy(() => import('../features/administration/AdministrationPage'));

/** Loaded when they are first opened. */
const PAGES: Partial<Record<PageName, ComponentType>> = {
  annotate: lazy(() => import('../features/annotate/AnnotatePage')),
  health: lazy(() => import('../features/health/HealthPage')),
  train: lazy(() => import('../features/train/TrainPage')),
  evaluate: lazy(() => import('../features/evaluate/EvaluatePage')),
  inspect: lazy(() => import('../features/inspect/InspectPage')),
  deploy: lazy(() => import('../features/deploy/DeployPage')),
  quality: lazy(() => import('../features/quality/QualityPage')),
};

export function App() {
  const client = useMemo(makeQueryClient, []);
  return (
    <QueryClientProvider client={client}>
      <Toasts>
        <Gate />
      </Toasts>
    </QueryClientProvider>
  );
}

/** Only who is signed in comes in. */
function Gate() {
  const session = useSession();
  const hasEnded = useSessionEnded();
  if (session.data === undefined)
    return session.error ? (
      <Problem error={session.error} onRetry={() => void session.refetch()} />
    ) : (
      <p className="loading">{t.app.loading}</p>
    );
  if (session.data === null) return <SignIn />;
  return (
    <>
      <Shell key={session.data.name} />
      {hasEnded && <SignInAgain name={session.data.name} />}
    </>
  );
}

/** Over the page, which keeps what is not saved; nothing of it is seen. */
function SignInAgain({ name }: { readonly name: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const show = useCallback(() => {
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLInputElement>('input[type=password]')?.focus();
  }, []);
  useEffect(show, [show]);
  return (
    <dialog
      ref={dialog}
      className="signed-out"
      aria-label={t.session.title}
      onCancel={(event) => event.preventDefault()}
      onClose={show}
    >
      <SignIn name={name} />
    </dialog>
  );
}

function Shell() {
  const route = useRoute();
  const projects = useProjects();
  const main = useRef<HTMLElement>(null);
  const project =
    route.kind === 'project' ? projects.data?.find((one) => one.id === route.projectId) : undefined;
  const of = project ? ` · ${project.name}` : '';
  useEffect(() => {
    const name = route.kind === 'project' ? t.nav[route.page] : titleOf(route);
    document.title = `${name}${of} · ${t.app.name} ${t.app.studio}`;
  }, [route, of]);
  return (
    <>
      <button type="button" className="skip-link" onClick={() => main.current?.focus()}>
        {t.app.skip}
      </button>
      <div className="shell">
        <Sidebar route={route} project={project ?? null} />
        <main ref={main} id="main" tabIndex={-1}>
          {route.kind === 'home' && <HomePage />}
          {route.kind === 'administration' && (
            <Guard>
              <Suspense fallback={<p className="loading">{t.app.loading}</p>}>
                <AdministrationPage />
              </Suspense>
            </Guard>
          )}
          {route.kind === 'project' && project && (
            <ProjectProvider key={project.id} value={project}>
              <ProjectPages project={project} page={route.page} />
            </ProjectProvider>
          )}
          {route.kind === 'project' && projects.error && !project && (
            <Problem error={projects.error} onRetry={() => void projects.refetch()} />
          )}
          {route.kind === 'project' && projects.data && !project && (
            <div className="page">
              <EmptyState icon="question" title={t.app.notFound} text={t.app.notFoundText}>
                <a className="button button-primary" href="#/">
                  {t.app.allProjects}
                </a>
              </EmptyState>
            </div>
          )}
        </main>
      </div>
    </>
  );
}

const titleOf = (route: Route): string =>
  route.kind === 'administration' ? t.nav.administration : t.home.title;

function ProjectPages({
  project,
  page,
}: {
  readonly project: ProjectOut;
  readonly page: PageName;
}) {
  const Page = PAGES[page];
  return (
    <>
      {/* The template page keeps its drawing while others are looked at. */}
      <div className="page" hidden={page !== 'template'}>
        <Guard>
          <Suspense fallback={<p className="loading">{t.app.loading}</p>}>
            <TemplatePage isShown={page === 'template'} />
          </Suspense>
        </Guard>
      </div>
      {page !== 'template' && (
        <Guard key={page}>
          <Suspense fallback={<p className="loading">{t.app.loading}</p>}>
            {Page ? <Page /> : <EmptyPage projectId={project.id} page={page} />}
          </Suspense>
        </Guard>
      )}
    </>
  );
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const onChange = () => setRoute(routeOf(location.hash));
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, []);
  return route;
}

type EmptyPageProps = {
  readonly projectId: string;
  readonly page: Exclude<PageName, 'template'>;
};

function EmptyPage({ projectId, page }: EmptyPageProps) {
  const texts = t[page].empty;
  return (
    <div className="page">
      <header className="page-header">
        <h1>{t.nav[page]}</h1>
      </header>
      <EmptyState icon={PAGE_ICONS[page]} title={texts.title} text={texts.text}>
        <a className="button button-primary" href={pageLink(projectId, NEXT[page])}>
          {texts.action}
        </a>
      </EmptyState>
    </div>
  );
}
