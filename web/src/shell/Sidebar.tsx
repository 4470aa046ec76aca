import { useState } from 'react';
import type { ProjectOut } from '../api/schema';
import { Icon, type IconName } from '../components/Icon';
import { pageLink, type Route } from '../data/links';
import { useMay } from '../data/session';
import { useSummary } from '../data/summary';
import { t } from '../texts';
import { Person } from './Person';
import { ProjectName } from './ProjectName';
import { GROUPS, PAGE_ICONS } from './pages';
import { applyTheme, storedTheme, THEMES, type Theme } from './theme';

type SidebarProps = { readonly route: Route; readonly project: ProjectOut | null };

export function Sidebar({ route, project }: SidebarProps) {
  const mayAdminister = useMay('administer');
  const mayAudit = useMay('quality');
  const queue = useSummary(project?.id ?? null).data?.queue ?? 0;
  const page = route.kind === 'project' ? route.page : null;
  return (
    <header className="sidebar">
      <p className="brand">
        <strong>{t.app.name}</strong> <span>{t.app.studio}</span>
      </p>
      <nav aria-label={t.app.navigation}>
        <ul>
          <NavItem href="#/" icon="home" name={t.app.allProjects} isHere={route.kind === 'home'} />
        </ul>
        {project && <ProjectName project={project} />}
        {project &&
          GROUPS.map((group) => (
            <div key={group.name} className="nav-group">
              <h2 id={`nav-${group.name}`}>{t.groups[group.name]}</h2>
              <ul aria-labelledby={`nav-${group.name}`}>
                {group.pages.map((name) => (
                  <NavItem
                    key={name}
                    href={pageLink(project.id, name)}
                    icon={PAGE_ICONS[name]}
                    name={t.nav[name]}
                    isHere={name === page}
                    waiting={name === 'inspect' ? queue : 0}
                  />
                ))}
              </ul>
            </div>
          ))}
        {(mayAdminister || mayAudit) && (
          <div className="nav-group">
            <h2 id="nav-system">{t.groups.system}</h2>
            <ul aria-labelledby="nav-system">
              <NavItem
                href="#/administration"
                icon="administration"
                name={t.nav.administration}
                isHere={route.kind === 'administration'}
              />
            </ul>
          </div>
        )}
      </nav>
      <ThemeSwitch />
      <Person />
    </header>
  );
}

type NavItemProps = {
  readonly href: string;
  readonly icon: IconName;
  readonly name: string;
  readonly isHere: boolean;
  /** How many wait there for a person. */
  readonly waiting?: number;
};

function NavItem({ href, icon, name, isHere, waiting = 0 }: NavItemProps) {
  const words = t.app.waiting(waiting);
  return (
    <li>
      <a
        href={href}
        title={waiting > 0 ? `${name}: ${words}` : name}
        aria-current={isHere ? 'page' : undefined}
      >
        <Icon name={icon} />
        <span>{name}</span>
        {waiting > 0 && (
          <b className="nav-waiting">
            <span aria-hidden="true">{waiting > 999 ? '999+' : waiting}</span>
            <i className="visually-hidden">{words}</i>
          </b>
        )}
      </a>
    </li>
  );
}

function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  return (
    <label className="theme-switch">
      <span>{t.app.theme.label}</span>
      <select
        aria-label={t.app.theme.label} // narrow windows hide the words beside it
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
