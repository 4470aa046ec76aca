import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { EmptyState } from '../components/EmptyState';
import { Icon } from '../components/Icon';
import { Toasts } from '../components/Toasts';
import { t } from '../texts';
import { GROUPS, NEXT, PAGE_ICONS, type PageName, pageOf } from './pages';
import { applyTheme, storedTheme, THEMES, type Theme } from './theme';

const TemplatePage = lazy(() => import('../features/template/TemplatePage'));

export function App() {
  const page = usePage();
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `${t.nav[page]} · ${t.app.name} ${t.app.studio}`;
  }, [page]);
  return (
    <Toasts>
      <button type="button" className="skip-link" onClick={() => main.current?.focus()}>
        {t.app.skip}
      </button>
      <div className="shell">
        <Sidebar page={page} />
        <main ref={main} id="main" tabIndex={-1}>
          {/* The template page keeps its drawing while others are looked at. */}
          <div className="page" hidden={page !== 'template'}>
            <Suspense fallback={<p className="loading">{t.app.loading}</p>}>
              <TemplatePage isShown={page === 'template'} />
            </Suspense>
          </div>
          {page !== 'template' && <EmptyPage page={page} />}
        </main>
      </div>
    </Toasts>
  );
}

function usePage(): PageName {
  const [page, setPage] = useState(() => pageOf(location.hash));
  useEffect(() => {
    const onChange = () => setPage(pageOf(location.hash));
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, []);
  return page;
}

function Sidebar({ page }: { readonly page: PageName }) {
  return (
    <header className="sidebar">
      <p className="brand">
        <strong>{t.app.name}</strong> <span>{t.app.studio}</span>
      </p>
      <nav aria-label={t.app.navigation}>
        {GROUPS.map((group) => (
          <div key={group.name} className="nav-group">
            <h2 id={`nav-${group.name}`}>{t.groups[group.name]}</h2>
            <ul aria-labelledby={`nav-${group.name}`}>
              {group.pages.map((name) => (
                <li key={name}>
                  <a
                    href={`#/${name}`}
                    title={t.nav[name]}
                    aria-current={name === page ? 'page' : undefined}
                  >
                    <Icon name={PAGE_ICONS[name]} />
                    <span>{t.nav[name]}</span>
                  </a>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <ThemeSwitch />
    </header>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  return (
    <label className="theme-switch">
      <span>{t.app.theme.label}</span>
      <select
        value={theme}
        onChange={(event) => {
          const next = event.target.value as Theme;
          setTheme(next);
          applyTheme(next);
        }}
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {t.app.theme[name]}
          </option>
        ))}
      </select>
    </label>
  );
}

function EmptyPage({ page }: { readonly page: Exclude<PageName, 'template'> }) {
  const texts = t.pages[page];
  return (
    <div className="page">
      <header className="page-header">
        <h1>{t.nav[page]}</h1>
      </header>
      <EmptyState icon={PAGE_ICONS[page]} title={texts.title} text={texts.text}>
        <a className="button button-primary" href={`#/${NEXT[page]}`}>
          {texts.action}
        </a>
      </EmptyState>
    </div>
  );
}
