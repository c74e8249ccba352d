"""The words by which the parser tells a command from a sentence, and one language from another.

Only lists: what is done with them is decided elsewhere.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


# Programs whose names are no English words: what begins with one is a command unless it reads like prose.
PROGRAMS = words("""
    ab alembic ansible ansible-playbook apt apt-get aptitude argocd awk aws aws-vault az bash brew bq bundle
    celery certbot chmod chown cmctl conda consul cp createdb crictl cron crontab ctop ctr curl cypher-shell
    df dirname dmesg dnf docker docker-compose doctl dpkg dropdb du eb ecctl egrep eksctl emacs env envsubst
    etcdctl etcdutl ffmpeg fgrep flyctl gcloud gdb gh git gitlab-ctl gitlab-psql gitlab-rails gitlab-rake
    gitlab-redis-cli glab go-carbon gpg gradle grep grpcurl gsutil gunzip gunicorn gzip haproxy helmfile
    heroku hostname htop httpd ifconfig initctl iostat iotop ip ip6tables iptables istioctl java javac
    journalctl jps jq jstack k9s kafka-topics kafka-topics.sh kafka-consumer-groups kafka-consumer-groups.sh
    kcat kinit knife kubeadm kubectl kubectx kubens ldapsearch ln logrotate ls lsblk lsof lua mc memcached
    mkdir mkfs mongo mongodump mongorestore mongosh mosh mpstat mtr mv mysql mysqladmin mysqlcheck mysqldump
    nano nc ncat netcat netlify netstat nft nginx nmap npm npx nslookup ntpq nvidia-smi nvm oc op openssl
    patronictl pbcopy pg_basebackup pg_ctl pg_dump pg_dumpall pg_isready pg_restore pg_rewind pgbench
    pgbouncer pgrep php pip pip3 pipenv pkill pm2 pnpm podman poetry promtool ps psql pulumi pwd py-spy
    python python2 python3 rabbitmq-diagnostics rabbitmqadmin rabbitmqctl railway rbenv rclone rdb
    redis-benchmark redis-cli redis-server repmgr rg rke2 rm rmdir rndc rpm rsync ruby scp sed sestatus sftp
    sh shellcheck smartctl snap snyk sqlcmd sqlite3 ss ssh ssh-add ssh-copy-id ssh-keygen ssh-keyscan stern
    strace stunnel sudo supervisorctl supervisord svn sysctl systemctl tar tcpdump tcpflow telnet terraform
    terragrunt tesseract tini tmux tofu traceroute tshark tsh udevadm ufw uname unzip useradd usermod uv
    uvicorn uwsgi valkey-cli vault vercel vgs vi vim vmstat wget wrangler wrk xargs xz yarn yum zcat zfs
    zgrep zip zkcli zookeeper-shell zpool zsh zstd nomad kustomize skaffold k3s kubetail velero minikube k3d
    buildah skopeo trivy wp drush bin/rails gsort tac tee stat touch
""")

# Programs and shell builtins that are English words too: these need more to be taken for a command.
WORDS = words("""
    act alias at ant bat cargo cat cd chef code composer convert crane cut date dd declare deploy dig diff
    dotnet echo eval exec exit expect export fg file find firebase flux fly free gem go gradlew head helm
    history host id install job jobs join just kill killall kind last less link linkerd local login mail
    make man mix more mount nice node nohup open pack packer parallel paste patch perl ping pip-compile popd
    printf pulse puppet pushd rails rake read reboot reload rename render reset restart route salt screen
    script seq service set shutdown sleep sort source split start stop su swap swapoff swapon sync tail task
    test time timeout top trap tree truncate type ulimit umask umount uniq unlink unset unshare uptime users
    wait watch wc which whoami who xdg-open yes
""")

# The first words of the shell's own compound commands.
KEYWORDS = words("if for while until case function select { ( (( [[ [ ! .")

# What may follow a program that has subcommands: with one of these, a line with no flag is a command too.
SUBCOMMANDS = words("""
    add apply attach auth backup branch build cancel cat checkout clean clone cluster commit compose config
    connect context cordon cp create cutover debug delete deploy deployment deployments describe destroy
    diff disable down drain edit enable endpoint env environment exec expose fetch failover failovers get
    health images import info init inspect install instances issue list link log login logs ls
    maintenance:off maintenance:on maintenance member merge migrate network node open patch pause pods ping
    plan port-forward pr promote ps pull push rebase reconfigure redeploy reinit release releases
    releases:rollback reload remove repo reset restart restore revert rm rollback rollout root run scale
    secret secrets service services set show shutdown snapshot sql ssh stack start stash stats status stop
    subscribe switchover sync tag tail taint test top uncordon undo uninstall unlink unset up update upgrade
    use user variables version volume volumes whoami workflow
""")

# Words that sentences have and commands hardly ever: one of them outside quotes makes a line read like prose.
PROSE_WORDS = words("""
    a an the this that these those is are was were be been being will would should could can may might must
    shall has have had and or but because of your you we our their its it they them there then than when
    where which while who whose why how into onto about after before between during until unless please any
    some all each every both either neither not no does did also only very with for from to if as in on via
    using
""")

VERBS = words("""
    acknowledge acquire activate add adjust advise alert allocate allow always analyse analyze announce
    append apply approve archive ask assess assign attach audit avoid backup ban begin block bounce bring
    build bump call cancel capture change check choose clean clear click clone close collect communicate
    compare complete compress conduct configure confirm connect consider contact continue convert copy
    correct create cut deactivate debug declare decrease delete demote deploy describe destroy detach
    determine diagnose direct disable disconnect discuss do document don't download drain drop edit email
    enable engage ensure enter escalate establish evaluate examine execute export extend fail failover fetch
    file fill find fix flush follow force gather generate get give go grant hold identify ignore implement
    import increase inform initiate inspect install investigate invite invoke isolate issue join keep kill
    launch leave limit list load locate lock log login look lower make mark measure merge migrate mitigate
    modify monitor mount move mute navigate never note notify obtain open page patch pause perform pick pin
    ping plan point post prepare press prevent prioritise prioritize proceed promote provide provision
    publish pull purge push put query raise re-run reach read reassign rebalance reboot rebuild recheck
    record recover recreate redeploy redirect reduce refer refresh release reload remove rename renew repair
    repeat replace replay report reproduce request rerun reset resize resolve restart restore resume
    retrieve retry return revert review revoke roll rollback rotate route run save scale schedule scroll
    search see select send set setup share shift show shut sign silence snapshot specify spin start stop
    stream submit subscribe summarise summarize suspend swap switch tag tail take talk tell temporarily
    terminate test throttle toggle track transfer trigger troubleshoot try tune turn type unblock uncordon
    undo uninstall unlock unmount unpause update upgrade upload use validate verify view visit wait warn
    watch withdraw work write
""")

# Words that may stand before the verb of an instruction.
ADVERBS = words("""
    then first next finally now also just please temporarily immediately manually optionally alternatively
    quickly carefully gradually lastly second secondly third thirdly otherwise and or either simply always
    again afterwards meanwhile once
""")

SHELL = words("bash sh shell zsh ksh dash ash shellscript shell-script bashrc")
SESSION = words("console shell-session shellsession sh-session bash-session terminal term tty zsh-session")
PLAIN = words("text txt plain plaintext none nohighlight raw example template")
OUTPUT = words("output log logs stdout stderr result")
PROGRAMMING = words("""
    sql psql pgsql postgresql postgres mysql plsql tsql sqlite cql redis mongodb mongo js javascript jsx ts
    typescript tsx python py python3 pycon ruby rb erb irb java kotlin scala go golang rust rs c cpp c++ cs
    csharp php perl lua elixir ex erlang r swift groovy powershell ps1 pwsh ps posh cmd bat batch dos fish
    nushell nu promql logql kql lucene graphql gql http rest awk sed jq applescript vim
""")
DATA = words("""
    yaml yml json json5 jsonc jsonnet ndjson toml ini cfg conf config env dotenv properties xml html css
    scss csv tsv hcl terraform tf dockerfile docker nginx apache apacheconf systemd unit makefile make diff
    patch crontab cron markdown md mdx mermaid plantuml dot graphviz caddyfile proto protobuf helm gotmpl
    jinja jinja2 hosts editorconfig gitignore ssh-config sshconfig
""")
