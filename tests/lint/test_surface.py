"""What of a call a CLI has and what it lacks, CLI by CLI, and what is too uncertain to judge."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lint.look import findings, shell

from drillbook.lint.call import Word
from drillbook.lint.surface import Wrong, problems_of
from drillbook.lint.surface_file import packaged, packaged_surface
from drillbook.platforms import railway_surface
from drillbook.platforms.arguments import Command, Unparsed


def found(*commands: str) -> list[tuple[str, str]]:
    """Per finding its rule and what it names, between the last backticks of its message's first half."""
    return [(f.rule, f.message) for f in findings(shell(*commands), *Wrong)]


RIGHT = """
railway status
railway status --json -p app -e production
railway logs -n 100
railway logs -n100 --since=5m --filter "@level:error"
railway logs 7422c95b --build --tail 5
railway deployments list --limit 3
railway deployment ls --json
railway redeploy --yes
railway restart -y -s web
railway down --yes
railway up --detach --service=$SERVICE -m "a message"
railway run psql $DATABASE_URL -c "SELECT 1"
railway run --service db ls --no-such
railway local --service db env
railway scale us-west=2 --json
railway scale --us-west2=2
railway variables
railway variables --kv
railway vars set A=1 B=2 --skip-deploys
railway variables --set A=1 --set B=2
railway environment production
railway env delete staging --yes
railway service web
railway ssh -- ls --color
railway connect postgres
railway metrics --memory --since 1h
railway deployments --help
railway help deployment
railway --version
railway link -p 1 -e production -s web
psql -h db -U app -d app -c "SELECT 1"
psql "$DATABASE_URL" -XAtqc "SELECT 1"
psql --user=app --host db -v ON_ERROR_STOP=1 -f fix.sql
psql postgresql://db/app -P pager=off -x
psql -? variables
psql --csv --single-transaction --no-psqlrc -f fix.sql
psql -- --no-such
redis-cli -h cache -p 6379 -a x --no-auth-warning PING
redis-cli -u redis://cache INFO memory
redis-cli --scan --pattern 'session:*'
redis-cli config get maxmemory
redis-cli CONFIG SET maxmemory-policy allkeys-lru
redis-cli -n 1 get x --y
redis-cli -X tag restore x 0 tag
redis-cli -p 26379 sentinel masters
redis-cli --cluster check 127.0.0.1:7000 --cluster-search-multiple-owners
redis-cli --eval fix.lua key , --force
redis-cli JSON.GET x
redis-cli hgetex h FIELDS 1 a
valkey-cli --latency-history -i 5
/opt/gitlab/embedded/bin/redis-cli slowlog get 10
docker ps -aq --filter name=web
docker container ls --all
docker logs web --tail=100 --follow
docker run --rm -it -v data:/data -e A=1 --net=host alpine tar czf - -C /data .
docker run --gpus all -h web --rm -d web
docker exec -it web sh -c "ls --color"
docker -H tcp://host:2375 ps
docker stats --no-stream web
docker compose up -d --wait
docker compose -f a.yml -f b.yml --profile x exec -T db psql -U app -c "SELECT 1"
docker compose logs -f --tail=100 web
docker-compose up -d --build --force-recreate --remove-orphans --scale web=2
docker-compose exec -it db sh -c "ls --color"
docker-compose run --rm web rake db:migrate --trace
docker-compose -p shop ps -a
docker-compose rm -sf web
docker-compose restart -t 5
docker-compose --version
docker build -t web --load .
docker system df -v
docker inspect --format '{{.State.Health}}' web
docker buildx ls
kubectl get pods -n shop -l app=web -o wide
kubectl -n shop get po -oname
kubectl get nodes -l role= -o template --template='{{range .items}}{{end}}'
kubectl logs deploy/web --tail=100 -f --previous
kubectl delete --cascade=orphan sts/db
kubectl delete pod web --force --grace-period=0
kubectl rollout undo deploy/web --to-revision=2
kubectl rollout restart deploy web
kubectl scale --replicas=3 deploy/web
kubectl -n x exec -it db-0 -c pg -- psql -U app --command 'SELECT 1'
kubectl exec -c etcdctl -n x $(kubectl get po -oname | head -1)
kubectl --context=prod top pods
kubectl apply -f web.yaml --dry-run=client
kubectl apply --server-side -k overlays/prod
kubectl drain node-1 --ignore-daemonsets --delete-emptydir-data
kubectl get events --sort-by=.lastTimestamp -A
kubectl create -f job.yaml
kubectl create job fix --from=cronjob/x
kubectl create secret generic x --from-literal=a=b
kubectl config use-context prod
kubectl ctx prod
kubectl -A -l app=web get pods
kubectl --tail 5 logs web
kubectl -h
heroku logs --tail --app shop
heroku logs -t -a shop -n 200
heroku releases
heroku rollback v51
heroku maintenance:on
heroku maintenance on
heroku ps:scale web=2 -a shop
heroku ps:restart
heroku pg:info
heroku pg:psql -c "SELECT 1"
heroku pg:killall
heroku pg:long-running-queries
heroku config:set A=1 --app shop
heroku config
heroku run rake db:migrate --trace
heroku redis:cli --confirm shop
curl -sSf -o /dev/null -w "%{http_code}" https://shop/health
curl -X POST https://shop/api -H "A: b" -d '{"a": 1}' --max-time 10
curl -IL https://shop --no-keepalive
curl -fsS --retry 3 --retry-all-errors https://shop | jq .
curl --head --insec https://shop
curl --show-headers https://shop
""".strip().splitlines()


@pytest.mark.parametrize("command", RIGHT)
def test_nothing_is_found_in_a_call_that_is_right(command: str) -> None:
    assert found(command) == []


@pytest.mark.parametrize(
    ("command", "rule", "named"),
    [
        ("railway rollback", "unknown-command", "railway 5.43.1 has no command `rollback`"),
        ("railway rollback <deployment-id>", "unknown-command", "`rollback`"),
        ("railway deployments", "needs-subcommand", "`railway deployments` needs a subcommand"),
        ("railway deployment rollback 1", "unknown-subcommand", "`railway deployment` has no subcommand"),
        ("railway up --tag v1", "unknown-flag", "`railway up` has no flag `--tag`"),
        ("railway up -df", "unknown-flag", "`railway up` has no flag `-f`"),
        ("railway status --service=$SERVICE", "unknown-flag", "`railway status` has no flag `--service`"),
        ("railway variables --sett A=1", "unknown-flag", "`--sett`"),
        ("railway add --service --nosuch", "unknown-flag", "`--nosuch`"),
        ("kubectl apply --dry-run --nosuch -f x", "unknown-flag", "`--nosuch`"),
        ("railway volume", "needs-subcommand", "`railway volume`"),
        ("psql --databse=app", "unknown-flag", "`--databse`"),
        ("psql -Z", "unknown-flag", "psql: invalid option -- 'Z'"),
        ("psql -h db -ZX", "unknown-flag", "`-Z`"),
        ("redis-cli --scan --patern 'a:*'", "unknown-flag", "`--patern`"),
        ("redis-cli -p6379 PING", "unknown-flag", "`-p6379`"),
        ("redis-cli -h x FLSHDB", "unknown-command", "`FLSHDB`"),
        ("redis-cli config gett x", "unknown-subcommand", "`redis-cli config` has no subcommand `gett`"),
        ("docker ps --al", "unknown-flag", "`docker ps` has no flag `--al`"),
        ("docker lgos web", "unknown-command", "`lgos`"),
        ("docker container prun", "unknown-subcommand", "`docker container` has no subcommand `prun`"),
        ("docker run --nme x alpine", "unknown-flag", "`--nme`"),
        ("docker compose restrat", "unknown-subcommand", "`docker compose` has no subcommand `restrat`"),
        ("docker compose up --no-such", "unknown-flag", "`docker compose up` has no flag `--no-such`"),
        ("docker-compose upp -d", "unknown-command", "docker-compose 5.6.1 has no command `upp`"),
        ("docker image", "needs-subcommand", "`docker image`"),
        ("kubectl get pods --al-namespaces", "unknown-flag", "`kubectl get` has no flag `--al-namespaces`"),
        ("kubectl drain x --delete-local-data", "unknown-flag", "`--delete-local-data`"),
        ("kubectl -n x lgos web", "unknown-command", "`lgos`"),
        (
            "kubectl rollout undoo deploy/web",
            "unknown-subcommand",
            "`kubectl rollout` has no subcommand `undoo`",
        ),
        ("kubectl rollout", "needs-subcommand", "`kubectl rollout`"),
        ("kubectl --no-such get pods", "unknown-flag", "`--no-such`"),
        ("heroku ps:scal web=2", "unknown-subcommand", "`heroku ps` has no subcommand `scal`"),
        ("heroku logs --follow", "unknown-flag", "`heroku logs` has no flag `--follow`"),
        ("heroku pg kill 5 --nw", "unknown-flag", "`heroku pg:kill` has no flag `--nw`"),
        ("curl --max-time=10 https://shop", "unknown-flag", "`--max-time=10`"),
        ("curl -sSfy https://shop --retrys 3", "unknown-flag", "`--retrys`"),
    ],
)
def test_what_the_cli_lacks_is_found_and_named(command: str, rule: str, named: str) -> None:
    ((found_rule, message),) = found(command)
    assert found_rule == rule
    assert named in message


@pytest.mark.parametrize(
    "command",
    [
        "railway $COMMAND --no-such",
        "railway <command> --no-such",
        "railway [command] --no-such",
        "railway $(pick) --no-such",
        "railway $FLAGS rollback",
        "docker exec $FLAGS web --no-such",
        "railway up [--tag=TAG]",
        "kubectl $VERB pods",
        "kubectl whoami",
        "docker some-plugin --flag",
        "heroku pg:extras",
        "railway sandbox any --thing",
        "redis-cli $COMMAND",
        "redis-cli YOUR_COMMAND",
        "railway your-command",
        "./railway rollback",
        "scripts/kubectl lgos",
        "$HOME/tools/docker lgos",
        "railway deploys from the main branch, and that is how it should be",
    ],
)
def test_what_is_uncertain_is_not_judged(command: str) -> None:
    assert found(command) == []


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("railway run redis-cli --patern x", "`redis-cli`"),
        ("sudo -u postgres psql --databse=app", "`psql`"),
        ("env PGHOST=db timeout 5 psql --databse=app", "`psql`"),
        ("watch -n 5 railway rollback", "rollback"),
        ("docker exec -it db psql --databse=app", "`psql`"),
        ("kubectl -n x exec db-0 -- psql --databse=app", "`psql`"),
        ("ssh host 'docker lgos web'", "lgos"),
        ("bash -c 'railway rollback'", "rollback"),
        ("cat ids | xargs -n 1 docker lgos", "lgos"),
        ("X=$(railway rollback)", "rollback"),
        ("railway status | grep -q Crashed && railway rollback", "rollback"),
        ("/usr/bin/psql --databse=app", "`psql`"),
    ],
)
def test_the_call_within_another_one_is_judged(command: str, named: str) -> None:
    ((_, message),) = found(command)
    assert named in message


def test_xargs_may_add_the_subcommand() -> None:
    assert found("echo list | xargs railway deployments") == []


def test_every_line_has_its_finding_and_each_word_its_own_line() -> None:
    text = shell("railway rollback", "railway status", "railway rollback 1", "railway up \\", "  --tag v1")
    assert [(f.line, f.rule) for f in findings(text, *Wrong)] == [
        (6, "unknown-command"),
        (8, "unknown-command"),
        (10, "unknown-flag"),
    ]


@pytest.mark.parametrize(
    ("command", "fix"),
    [
        ("railway rollback", "roll back in the dashboard"),
        ("railway restrt", "did you mean `restart`?"),
        ("railway deployments", "`railway deployments list` lists them"),
        ("railway status --service web", "there is --environment, --json, --project"),
        ("docker stats --nostream", "did you mean `--no-stream`?"),
        ("psql -Z", "did you mean `-z`?"),
        ("curl --max-time=10 x", "write --max-time 10"),
        ("redis-cli -p6379 PING", "write -p 6379"),
        ("redis-cli flush", "FLUSHDB empties one database"),
        ("redis-cli zzz", "see `redis-cli COMMAND LIST`"),
        ("railway up --tag v1", "see `railway up --help`"),
    ],
)
def test_a_finding_says_what_may_have_been_meant(command: str, fix: str) -> None:
    (finding,) = findings(shell(command), *Wrong)
    assert fix in finding.fix


ODD = shlex.split(
    "-- - -n --n --tail= -abc logs get pg:info : :: help --help -h run deployment config '' --="
)
WORDS = st.one_of(st.sampled_from(ODD), st.text(max_size=8))


@given(
    st.sampled_from(packaged()),
    st.lists(st.builds(Word, WORDS, st.integers(1, 9), st.booleans(), st.just(())), max_size=6),
)
def test_no_call_is_too_odd_to_be_judged(program: str, words: list[Word]) -> None:
    surface = packaged_surface(program)
    assert surface is not None
    for problem in problems_of(surface, (Word(program, 1), *words)):
        assert 0 <= problem.place <= len(words)
        assert problem.message
        assert problem.fix


def _argvs(command: Command, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Calls of the stand-in for `railway` that together have each of its commands, aliases and options."""
    found = [
        (*path, f"--{name}" if len(name) > 1 else f"-{name}", *(["7"] if option.value else []))
        for option in command.options
        for name in option.names
    ]
    for inner in (each for each in command.commands if each.about):  # of the others it knows the name only
        for name in (inner.name, *inner.aliases):
            found += [(*path, name), *_argvs(inner, (*path, name))]
    return found


def test_what_the_stand_in_takes_in_its_strict_form_the_surface_has() -> None:
    surface = packaged_surface("railway")
    assert surface is not None
    assert surface.version == railway_surface.VERSION
    taken = 0
    for argv in _argvs(railway_surface._program(documented=False), ()):
        call = shlex.join(("railway", *argv))
        lacks = {p.wrong for p in problems_of(surface, [Word(word, 1) for word in ("railway", *argv)])}
        try:
            railway_surface.parse(argv, railway_surface.REAL)
        except Unparsed as error:
            if "unrecognized" in error.text or "unexpected" in error.text:
                assert lacks, call
            elif not error.text.startswith("error: "):
                assert lacks == {Wrong.BARE}, call
            continue
        assert not lacks, call
        taken += 1
    assert taken > 100
