# what: npm installing a package with its dependencies
# packages: npm
# network: host
need npm
echo '{"name":"x","version":"1.0.0"}' > package.json
npm install --silent --no-audit --no-fund express >/dev/null 2>&1 || not_run "npm reaches no registry"
again sh -c 'rm -rf node_modules && npm install --silent --no-audit --no-fund --prefer-offline express >/dev/null 2>&1'
